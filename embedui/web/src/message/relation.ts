import { RelationType, type MatrixEvent } from "matrix-js-sdk";

/** The message that an event answers; null: none. In a thread, what older clients are told to show as an answer is none. */
export function answeredBy(event: MatrixEvent): string | null {
    const relation = event.getWireContent()["m.relates_to"];
    if (typeof relation !== "object" || relation === null) return null;
    if (relation.rel_type === RelationType.Thread && relation.is_falling_back === true) return null;
    const id = relation["m.in_reply_to"]?.event_id;
    return typeof id === "string" ? id : null;
}
