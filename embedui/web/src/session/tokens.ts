import type { Ahead } from "./ahead";
import { granted, type Grant, type Session } from "./session";

const margin = 60_000; // milliseconds before its end at which an access token is renewed

/**
 * Renews access tokens. The SDK (43.0.0) refreshes tokens of OAuth 2.0 only, so this wraps its fetch instead: it puts in the
 * token that is good now and, where the server no longer knows it, renews it once and asks again.
 * Spec: client-server API, "Refreshing access tokens".
 */
export class Tokens {
    private renewal: Promise<Response | null> | null = null;
    private stopped = false;

    constructor(
        private readonly base: string,
        private session: Session,
        private readonly save: (session: Session) => void,
        private readonly ahead: Pick<Ahead, "answer"> = { answer: async () => null },
    ) {}

    readonly fetch: typeof fetch = async (input, init) => {
        if (!new Headers(init?.headers).has("Authorization")) return fetch(input, init);
        if (this.stopped) throw new DOMException("the client is stopped", "AbortError");
        const early = await this.ahead.answer(String(input), init?.method ?? "GET");
        if (early) return early;
        const { expiresAt, accessToken } = this.session;
        if (expiresAt && expiresAt - margin < Date.now()) await this.renew(accessToken).catch(() => null);
        const used = this.session.accessToken;
        const response = await this.send(input, init);
        if (!this.session.refreshToken || !(await unknownToken(response))) return response;
        const refusal = await this.renew(used);
        return refusal ?? this.send(input, init);
    };

    /** From now on nothing is sent or renewed: the SDK's timers go on after its stop, and the session may be another tab's. */
    stop(): void {
        this.stopped = true;
    }

    private send(input: Parameters<typeof fetch>[0], init: RequestInit | undefined): Promise<Response> {
        const headers = new Headers(init?.headers);
        headers.set("Authorization", `Bearer ${this.session.accessToken}`);
        return fetch(input, { ...init, headers });
    }

    /** Gives null once the token is another than `used`, or else the server's refusal, which says whether the keys stay. */
    private renew(used: string): Promise<Response | null> {
        if (this.session.accessToken !== used) return Promise.resolve(null);
        this.renewal ??= this.refresh().finally(() => (this.renewal = null));
        return this.renewal.then((refusal) => refusal?.clone() ?? null);
    }

    private async refresh(): Promise<Response | null> {
        const response = await fetch(`${this.base}/_matrix/client/v3/refresh`, {
            method: "POST",
            headers: { "Content-Type": "application/json" },
            body: JSON.stringify({ refresh_token: this.session.refreshToken }),
        });
        if (!response.ok) return response;
        const grant = (await response.json()) as Grant;
        if (this.stopped) return response;
        this.session = granted(this.session, { ...grant, refresh_token: grant.refresh_token ?? this.session.refreshToken }, Date.now());
        this.save(this.session);
        return null;
    }
}

async function unknownToken(response: Response): Promise<boolean> {
    if (response.status !== 401) return false;
    const body = (await response.clone().json().catch(() => ({}))) as { errcode?: string };
    return body.errcode === "M_UNKNOWN_TOKEN";
}
