import type { CryptoCallbacks } from "matrix-js-sdk/lib/crypto-api";

/** The keys of the secret storage that are known at this moment, in memory only; forgotten when what needs them is done. */
export class SecretKeys {
    private readonly known = new Map<string, Uint8Array<ArrayBuffer>>();

    readonly callbacks: CryptoCallbacks = {
        getSecretStorageKey: async ({ keys }) => {
            const id = Object.keys(keys).find((candidate) => this.known.has(candidate));
            return id ? [id, this.known.get(id)!] : null;
        },
        cacheSecretStorageKey: (id, _info, key) => void this.known.set(id, key),
    };

    remember(id: string, key: Uint8Array<ArrayBuffer>): void {
        this.known.set(id, key);
    }

    forget(): void {
        this.known.clear();
    }
}
