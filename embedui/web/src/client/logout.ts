import type { RustCrypto } from "matrix-js-sdk/lib/rust-crypto/rust-crypto";
import { MatrixError, type MatrixClient } from "matrix-js-sdk";
import type { Client } from "./client";

/** What would be lost by logging out: nothing; some keys that are on their way to the backup; all, since nothing is saved. */
export type Loss = { kind: "nothing" } | { kind: "some"; keys: number } | { kind: "all" };

export async function lossOf(mx: MatrixClient): Promise<Loss> {
    const crypto = mx.getCrypto()!;
    const keys = await unsavedKeys(crypto as RustCrypto);
    if (!keys) return { kind: "nothing" };
    return (await crypto.getActiveSessionBackupVersion()) ? { kind: "some", keys } : { kind: "all" };
}

/** The SDK tells how many keys are left only while it uploads, so its machine is asked. */
async function unsavedKeys(crypto: RustCrypto): Promise<number> {
    const { total, backedUp } = await crypto["olmMachine"].roomKeyCounts();
    return total - backedUp;
}

/** Ends the connection on the server, then removes everything here. A server that does not know it any more has ended it already. */
export async function logOut({ mx, leave }: Client): Promise<void> {
    await mx.logout().catch((error: unknown) => {
        if (!(error instanceof MatrixError && error.httpStatus === 401)) throw error;
    });
    await leave();
}
