import { EventType, ReceiptType, type MatrixClient, type Room } from "matrix-js-sdk";
import { bodyOf } from "./body";

/** The last event that one has read, if messages came after it, and whether the timeline has it. What one does oneself is read. */
export function readUpTo(mx: MatrixClient, room: Room): { id: string; here: boolean } | null {
    const me = mx.getSafeUserId();
    const said = receipts(room, me);
    const live = room.getLiveTimeline().getEvents();
    let news = false;
    for (const event of live.toReversed()) {
        const id = event.getId()!;
        if (said.includes(id) || event.getSender() === me) return news ? { id, here: true } : null;
        news ||= bodyOf(event) !== null;
    }
    return said.length ? { id: said[0]!, here: false } : null;
}

/** What the server was told of, the receipts first: other clients don't move the marker. */
function receipts(room: Room, me: string): string[] {
    const newest = [ReceiptType.Read, ReceiptType.ReadPrivate]
        .map((type) => room.getReadReceiptForUserId(me, false, type))
        .filter((receipt) => receipt !== null)
        .sort((a, b) => b.data.ts - a.data.ts)
        .map(({ eventId }) => eventId);
    const marker: unknown = room.getAccountData(EventType.FullyRead)?.getContent().event_id;
    return typeof marker === "string" ? [...newest, marker] : newest;
}
