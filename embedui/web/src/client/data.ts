import { isDraft } from "../send/drafts";
import { isOutbox } from "../send/store";
import type { Session } from "../session/session";

// What the client keeps in the browser, besides the session: the rooms (matrix-js-sdk's sync store), the keys (its crypto
// store), and what is written and not sent. All belong to one user and device.

const databases = ["matrix-js-sdk:beffroi-sync", "beffroi-crypto::matrix-sdk-crypto", "beffroi-crypto::matrix-sdk-crypto-meta"];
const ownerKey = "beffroi.owner";
const kept = ["beffroi.language"];

/** Tells whether what is kept here belongs to the session, and marks it as the session's. */
export function ownedBy({ userId, deviceId }: Session): boolean {
    const owner = `${userId} ${deviceId}`;
    const before = localStorage.getItem(ownerKey);
    localStorage.setItem(ownerKey, owner);
    return before === owner;
}

/** Removes the rooms, the keys, and what is not sent. The client must be stopped. */
export async function forgetData(): Promise<void> {
    Object.keys(localStorage).filter((name) => isDraft(name) || isOutbox(name)).forEach((name) => localStorage.removeItem(name));
    await Promise.all(databases.map(remove));
}

/** Removes everything but the choice of language: rooms, keys, session, and what the SDK left in localStorage. */
export async function forgetEverything(): Promise<void> {
    await forgetData();
    sessionStorage.clear();
    for (const name of Object.keys(localStorage)) {
        if (!kept.includes(name)) localStorage.removeItem(name);
    }
}

function remove(name: string): Promise<void> {
    return new Promise((resolve, reject) => {
        const request = indexedDB.deleteDatabase(name);
        request.onsuccess = () => resolve();
        request.onerror = () => reject(request.error ?? new Error(name));
    });
}
