import type { MatrixClient, MatrixEvent, Room } from "matrix-js-sdk";

/** The global account data in which this client keeps what people choose. */
const choices = "fr.beffroi.choices";

/** Whether others may see what one has read. Spec: "Private read receipts". */
export function receiptsArePrivate(mx: MatrixClient): boolean {
    return mx.getAccountData(choices as never)?.getContent<{ private_receipts?: unknown }>().private_receipts === true;
}

/** Tells the server that everything up to an event was read, unless it knows. Spec: "Fully read markers". */
export async function markRead(mx: MatrixClient, room: Room, event: MatrixEvent): Promise<void> {
    const id = event.getId()!;
    if (event.status || room.hasUserReadEvent(mx.getSafeUserId(), id)) return;
    const hidden = receiptsArePrivate(mx);
    await mx.setRoomReadMarkers(room.roomId, id, hidden ? undefined : event, hidden ? event : undefined);
}
