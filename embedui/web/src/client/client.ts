import { ClientEvent, createClient, HttpApiEvent, MatrixScheduler, PendingEventOrdering, SyncState, type MatrixClient } from "matrix-js-sdk";
import { logger } from "matrix-js-sdk/lib/logger";
import type { Config } from "../config";
import type { Ahead } from "../session/ahead";
import { writeSession, type Session } from "../session/session";
import { Tokens } from "../session/tokens";
import { Originals } from "../message/originals";
import { Drafts } from "../send/drafts";
import { Outbox } from "../send/outbox";
import { roomQueue } from "../send/retry";
import { OutboxStore } from "../send/store";
import { forgetData, ownedBy } from "./data";
import { roomName } from "./roomname";
import { SecretKeys } from "./secretkeys";
import { Store } from "./store";

/** Names of the databases in the browser; data.ts removes them. */
export const syncStore = "beffroi-sync";
export const cryptoStore = "beffroi-crypto";

const patience = 60_000; // milliseconds until a request without an answer has failed; a lost line may never say so

/** A running Matrix client and what belongs to it. */
export interface Client {
    mx: MatrixClient;
    config: Config;
    secretKeys: SecretKeys;
    originals: Originals;
    drafts: Drafts;
    outbox: Outbox;
    /** Closes the stores; nothing is sent after it. */
    stop(): void;
    /** Stops, removes what is kept in the browser, and goes to the log-in page. The connection is ended on the server before, by logout.ts. */
    leave(): Promise<void>;
}

/** Opens the stores; `startClient` comes after it. */
export async function openClient(config: Config, session: Session, ahead: Ahead): Promise<Omit<Client, "leave">> {
    (logger as unknown as { setLevel(level: string): void }).setLevel("error");
    if (!ownedBy(session)) await forgetData();
    const tokens = new Tokens(config.base_url, session, writeSession, ahead);
    const secretKeys = new SecretKeys();
    const store = new Store({ indexedDB, localStorage, dbName: syncStore });
    const mx = createClient({
        baseUrl: config.base_url,
        userId: session.userId,
        deviceId: session.deviceId,
        accessToken: session.accessToken,
        fetchFn: tokens.fetch,
        store,
        scheduler: new MatrixScheduler(() => -1, roomQueue), // the outbox tries again
        localTimeoutMs: patience,
        timelineSupport: true,
        disableVoip: true,
        cryptoCallbacks: secretKeys.callbacks,
        roomNameGenerator: (_id, state) => roomName(state, config.server_name),
    });
    await Promise.all([store.startup(), mx.initRustCrypto({ cryptoDatabasePrefix: cryptoStore })]);
    await saveKeysSoon();
    const outbox = new Outbox(mx, new OutboxStore(localStorage));
    const stop = (): void => (outbox.stop(), mx.stopClient(), tokens.stop());
    return { mx, config, secretKeys, originals: new Originals(mx), drafts: new Drafts(localStorage), outbox, stop };
}

/** Starts to sync. It resolves before the first answer: see `prepared`. */
export function startClient({ mx }: Client): Promise<void> {
    return mx.startClient({ lazyLoadMembers: true, initialSyncLimit: 20, threadSupport: true, pendingEventOrdering: PendingEventOrdering.Detached });
}

/** The SDK waits up to ten seconds before it saves a key, to spare large servers; ours is small, and a tab may close before. */
async function saveKeysSoon(): Promise<void> {
    const { RustBackupManager } = await import("matrix-js-sdk/lib/rust-crypto/backup");
    (RustBackupManager as { maxBackupLoopStartDelayMillis: number }).maxBackupLoopStartDelayMillis = 1000;
}

/** Resolves when rooms can be shown: from the store at once, else after the first answer. `delayed` is called while the server is away. */
export function prepared(mx: MatrixClient, delayed: () => void): Promise<void> {
    return new Promise((resolve) => {
        const look = (state: SyncState | null): void => {
            if (state === SyncState.Error) delayed();
            if (state !== SyncState.Prepared && state !== SyncState.Syncing) return;
            mx.off(ClientEvent.Sync, look);
            resolve();
        };
        mx.on(ClientEvent.Sync, look);
        look(mx.getSyncState());
    });
}

/** Resolves when everything that happened while this device was away has arrived: what the browser kept is old news. */
export function caughtUp(mx: MatrixClient): Promise<void> {
    return new Promise((resolve) => {
        const look = (): void => {
            if (mx.getSyncState() !== SyncState.Syncing) return;
            mx.off(ClientEvent.Sync, look);
            resolve();
        };
        mx.on(ClientEvent.Sync, look);
        look();
    });
}

/** Calls back when the server ends the session; `asleep` keeps the keys (specification: "Soft logout"). */
export function onEnded(mx: MatrixClient, ended: (how: "asleep" | "expired") => void): void {
    mx.on(HttpApiEvent.SessionLoggedOut, (error) => ended(error.data.soft_logout ? "asleep" : "expired"));
}
