import { go } from "../app/route";

/** Shows a room, at one of its messages. */
export function showMessage(room: string, event?: string): void {
    go({ page: "room", id: room, details: false, ...(event && { event }) });
}
