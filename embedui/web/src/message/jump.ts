import { useSyncExternalStore } from "react";
import { go, pathOf } from "../app/route";

// A message is a place in its room's address: /salon/ROOM#MESSAGE; a thread is one beside the room: /salon/ROOM?fil=ROOT.

/** Shows a room, at one of its messages. */
export function showMessage(room: string, event?: string): void {
    go({ page: "room", id: room, details: false });
    if (!event) return;
    move(pathOf({ page: "room", id: room, details: false }) + pathHash(event));
    document.querySelector<HTMLElement>(`[data-event="${CSS.escape(event)}"]`)?.scrollIntoView({ block: "center" });
}

/** Opens a thread beside its room, or closes the one that is open. */
export function showThread(root: string | null): void {
    move(location.pathname + (root ? `?fil=${encodeURIComponent(root)}` : ""), true);
}

/** The message that the address asks for. */
export function useShownMessage(): string | null {
    return useSyncExternalStore(subscribe, () => (location.hash.startsWith("#$") || location.hash.startsWith("#%24") ? decoded(location.hash.slice(1)) : null));
}

/** The thread that the address asks for; "" means the list of them. */
export function useShownThread(): string | null {
    return useSyncExternalStore(subscribe, () => new URLSearchParams(location.search).get("fil"));
}

export const pathHash = (event: string): string => `#${encodeURIComponent(event)}`;

function move(path: string, push = false): void {
    if (push) history.pushState(null, "", path);
    else history.replaceState(null, "", path);
    dispatchEvent(new PopStateEvent("popstate"));
}

function decoded(text: string): string | null {
    try {
        return decodeURIComponent(text);
    } catch {
        return null;
    }
}

function subscribe(changed: () => void): () => void {
    const names = ["popstate", "hashchange", "beffroi:moved"];
    names.forEach((name) => addEventListener(name, changed));
    return () => names.forEach((name) => removeEventListener(name, changed));
}
