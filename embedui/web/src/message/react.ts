import { EventStatus, EventType, RelationType, type Room } from "matrix-js-sdk";
import type { Client } from "../client/client";
import { reactionsOf } from "../timeline/reactions";

/** Adds one's reaction to a message, or takes it back. What is on its way can't be taken back yet. Spec: "Event annotations and reactions". */
export async function toggleReaction({ mx, outbox }: Client, room: Room, eventId: string, key: string): Promise<void> {
    const own = reactionsOf(room, eventId).find((reaction) => reaction.key === key)?.own;
    if (!own) {
        outbox.send(room, EventType.Reaction, { "m.relates_to": { rel_type: RelationType.Annotation, event_id: eventId, key } });
    } else if (own.status === EventStatus.NOT_SENT) {
        outbox.discard(room, own);
    } else if (!own.status) {
        await mx.redactEvent(room.roomId, own.getId()!);
    }
}
