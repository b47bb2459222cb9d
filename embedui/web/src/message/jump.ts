import { useSyncExternalStore } from "react";
import { go, pathOf } from "../app/route";

// A message is a place in its room's address, /salon/ROOM/MESSAGE; a thread is one beside the room, /salon/ROOM?fil=ROOT.

/** Shows a room, at one of its messages. */
export function showMessage(room: string, event?: string): void {
    go({ page: "room", id: room, details: false, ...(event && { event }) });
}

/** The path of a message, which stays the same for everybody. */
export function messagePath(room: string, event: string): string {
    return pathOf({ page: "room", id: room, details: false, event });
}

/** Opens a thread beside its room, or closes the one that is open. */
export function showThread(root: string | null): void {
    history.pushState(null, "", location.pathname + (root ? `?fil=${encodeURIComponent(root)}` : ""));
    dispatchEvent(new PopStateEvent("popstate"));
}

/** The thread that the address asks for; "" means the list of them. */
export function useShownThread(): string | null {
    return useSyncExternalStore(subscribe, () => new URLSearchParams(location.search).get("fil"));
}

function subscribe(changed: () => void): () => void {
    const names = ["popstate", "beffroi:moved"];
    names.forEach((name) => addEventListener(name, changed));
    return () => names.forEach((name) => removeEventListener(name, changed));
}
