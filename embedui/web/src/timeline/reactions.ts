import { EventType, RelationType, type MatrixEvent, type Room } from "matrix-js-sdk";
import { memberName } from "../rooms/preview";

export interface Reaction {
    key: string;
    names: string[];
    /** One's own; null: one hasn't reacted so. */
    own: MatrixEvent | null;
}

const longest = 40; // characters of a reaction; longer ones are cut

/** The reactions to a message, the most frequent first. */
export function reactionsOf(room: Room, eventId: string): Reaction[] {
    const relations = room.relations.getChildEventsForEvent(eventId, RelationType.Annotation, EventType.Reaction);
    const byKey = relations?.getSortedAnnotationsByKey() ?? [];
    return byKey.map(([key, events]) => reaction(room, key, [...events].filter((e) => !e.isRedacted()))).filter(({ names }) => names.length > 0);
}

function reaction(room: Room, key: string, events: MatrixEvent[]): Reaction {
    const names = [...new Set(events.map((e) => e.getSender()!))].map((id) => memberName(room, id));
    return { key, names, own: events.find((e) => e.getSender() === room.myUserId) ?? null };
}

/** A reaction as it is shown: it may be any text. */
export function shownKey(key: string): string {
    return key.length > longest ? `${key.slice(0, longest)}…` : key;
}
