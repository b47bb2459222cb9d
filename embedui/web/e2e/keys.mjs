// Knows when the keys of messages are where a backup of the server finds them: clients send them after a while.

/** Watches a page's requests: which keys its messages were encrypted with, and which its user saved on the server. */
export function watchKeys(page) {
    const keys = { used: new Set(), saved: new Set(), saving: () => page.waitForEvent("requestfinished", { timeout: 30_000 }) };
    page.on("requestfinished", (request) => {
        const { pathname } = new URL(request.url());
        if (request.method() !== "PUT" || !pathname.startsWith("/_matrix/client/v3/")) return;
        if (pathname.includes("/send/m.room.encrypted/")) keys.used.add(request.postDataJSON().session_id);
        if (pathname.endsWith("/room_keys/keys")) savedIn(request.postDataJSON()).forEach((id) => keys.saved.add(id));
    });
    return keys;
}

const savedIn = ({ rooms }) => Object.values(rooms).flatMap(({ sessions }) => Object.keys(sessions));

/** Waits until each of these people saved every key that any of them used. */
export async function allSaved(people) {
    const used = people.flatMap(({ keys }) => [...keys.used]);
    if (!used.length) throw new Error("nobody sent an encrypted message");
    for (const { keys } of people) {
        while (!used.every((id) => keys.saved.has(id))) await keys.saving();
    }
}
