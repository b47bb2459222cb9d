import type { MatrixClient } from "matrix-js-sdk";

const kept = 300; // pictures; each is a thumbnail of some kilobytes
const side = 96; // pixels: 40 at most on the page, on a screen with twice as many

/** Small pictures of people and salons. The server gives files to who is logged in only, so they are fetched and kept as blob: addresses. */
export class Pictures {
    private readonly known = new Map<string, Promise<string | null>>();

    constructor(private readonly mx: MatrixClient) {}

    /** Gives the address of a picture that can be drawn; null: there is none to be had. */
    of(mxc: string): Promise<string | null> {
        const there = this.known.get(mxc) ?? this.bring(mxc).catch(() => (this.known.delete(mxc), null));
        this.known.delete(mxc);
        this.known.set(mxc, there); // last in order: used last
        if (this.known.size > kept) this.drop(this.known.keys().next().value!);
        return there;
    }

    stop(): void {
        [...this.known.keys()].forEach((mxc) => this.drop(mxc));
    }

    private async bring(mxc: string): Promise<string | null> {
        const url = this.mx.mxcUrlToHttp(mxc, side, side, "crop", false, true, true);
        if (!url) return null;
        const response = await this.mx.http.opts.fetchFn!(url, { headers: { Authorization: `Bearer ${this.mx.getAccessToken()}` } });
        return response.ok ? URL.createObjectURL(await response.blob()) : null;
    }

    private drop(mxc: string): void {
        void this.known.get(mxc)?.then((address) => address && URL.revokeObjectURL(address));
        this.known.delete(mxc);
    }
}
