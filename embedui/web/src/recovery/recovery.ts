import { CryptoEvent, decodeRecoveryKey, type GeneratedSecretStorageKey } from "matrix-js-sdk/lib/crypto-api";
import type { MatrixClient } from "matrix-js-sdk";
import { caughtUp, type Client } from "../client/client";

/**
 * How this device stands to the account's keys.
 * - `new`: nothing is saved; a recovery code has to be made.
 * - `locked`: keys are saved, and this device needs the code (or another device) to read them.
 * - `ready`: this device is confirmed and saves its keys.
 */
export type Recovery = "new" | "locked" | "ready";

export async function recoveryOf(mx: MatrixClient): Promise<Recovery> {
    const crypto = mx.getCrypto()!;
    await caughtUp(mx);
    if (!(await mx.secretStorage.getDefaultKeyId())) return "new";
    const signed = await crypto.isCrossSigningReady();
    const saving = (await crypto.getActiveSessionBackupVersion()) ?? (await crypto.checkKeyBackupAndEnable());
    return signed && saving ? "ready" : "locked";
}

/** Makes a code. Nothing is saved with it before `saveWith`: a code that nobody wrote down never counts. */
export function newCode(mx: MatrixClient): Promise<GeneratedSecretStorageKey> {
    return mx.getCrypto()!.createRecoveryKeyFromPassphrase();
}

/** Makes the account's keys where they are missing, saves them under the code, and starts the backup. It can be repeated after a failure. */
export async function saveWith({ mx, secretKeys }: Client, code: GeneratedSecretStorageKey): Promise<void> {
    const crypto = mx.getCrypto()!;
    const [, before] = (await mx.secretStorage.getKey()) ?? [];
    if (before && !(await mx.secretStorage.checkKey(code.privateKey, before))) throw new Error("another device made a code meanwhile");
    try {
        await crypto.bootstrapCrossSigning({ authUploadDeviceSigningKeys: (upload) => upload(null) });
        await crypto.bootstrapSecretStorage({ createSecretStorageKey: async () => code, setupNewSecretStorage: true, setupNewKeyBackup: true });
    } finally {
        secretKeys.forget();
    }
}

/** The code that was typed opens nothing: it is mistyped, or another one. */
export class WrongCode extends Error {}

/**
 * Confirms this device by the code and opens the backup. The keys in the backup are fetched afterwards, without making anybody wait:
 * a message on the screen fetches its own.
 */
export async function openWith({ mx, secretKeys }: Client, typed: string): Promise<void> {
    const crypto = mx.getCrypto()!;
    const [id, info] = (await mx.secretStorage.getKey()) ?? [];
    if (!id || !info) throw new WrongCode();
    const key = decode(typed);
    if (!key || !(await mx.secretStorage.checkKey(key, info))) throw new WrongCode();
    secretKeys.remember(id, key);
    try {
        await crypto.bootstrapCrossSigning({});
        if (await mx.secretStorage.isStored("m.megolm_backup.v1")) {
            await crypto.loadSessionBackupPrivateKeyFromSecretStorage();
            await crypto.checkKeyBackupAndEnable();
        } else {
            await crypto.bootstrapSecretStorage({ setupNewKeyBackup: true }); // the first set-up was cut short
        }
    } finally {
        secretKeys.forget();
    }
    void crypto.restoreKeyBackup().catch(() => {}); // each message asks for its key by itself too
}

/** Opens the backup with what another device, which has just confirmed this one, sends: it comes a moment later. */
export async function unlockWithSecrets(mx: MatrixClient): Promise<void> {
    const crypto = mx.getCrypto()!;
    if (!(await crypto.getSessionBackupPrivateKey())) await new Promise((come) => mx.once(CryptoEvent.KeyBackupDecryptionKeyCached, come));
    await crypto.checkKeyBackupAndEnable();
    await crypto.restoreKeyBackup().catch(() => {}); // each message asks for its key by itself too
}

function decode(typed: string): Uint8Array<ArrayBuffer> | null {
    try {
        return decodeRecoveryKey(typed.replace(/\s+/g, ""));
    } catch {
        return null;
    }
}
