import { EventType, RelationType, type Room } from "matrix-js-sdk";
import { memberName } from "../rooms/preview";

export interface Reaction {
    key: string;
    names: string[];
}

/** The reactions to a message, the most frequent first. */
export function reactionsOf(room: Room, eventId: string): Reaction[] {
    const relations = room.relations.getChildEventsForEvent(eventId, RelationType.Annotation, EventType.Reaction);
    const byKey = relations?.getSortedAnnotationsByKey() ?? [];
    return byKey
        .map(([key, events]) => ({ key, names: [...new Set([...events].filter((e) => !e.isRedacted()).map((e) => e.getSender()!))] }))
        .filter(({ names }) => names.length > 0)
        .map(({ key, names }) => ({ key, names: names.map((id) => memberName(room, id)) }));
}
