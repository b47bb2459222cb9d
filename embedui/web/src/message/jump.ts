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

/** Opens a thread beside its room, with "" the list of them, or closes what is open. */
export function showThread(room: string, root: string | null): void {
    const path = pathOf({ page: "room", id: room, details: false });
    history.pushState(null, "", root === null ? path : `${path}?fil=${encodeURIComponent(root)}`);
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
