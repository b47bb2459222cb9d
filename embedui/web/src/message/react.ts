import { EventStatus, EventType, RelationType, type MatrixClient, type Room } from "matrix-js-sdk";
import { reactionsOf } from "../timeline/reactions";

/** Adds one's reaction to a message, or takes it back. What is on its way can't be taken back yet. Spec: "Event annotations and reactions". */
export async function toggleReaction(mx: MatrixClient, room: Room, eventId: string, key: string): Promise<void> {
    const own = reactionsOf(room, eventId).find((reaction) => reaction.key === key)?.own;
    if (!own) {
        const relation = { rel_type: RelationType.Annotation as const, event_id: eventId, key };
        await mx.sendEvent(room.roomId, EventType.Reaction, { "m.relates_to": relation });
    } else if (own.status === EventStatus.NOT_SENT) {
        mx.cancelPendingEvent(own);
    } else if (!own.status) {
        await mx.redactEvent(room.roomId, own.getId()!);
    }
}
