// The conversation of a room as a person sees it, oldest message first: edits, reactions and redactions are applied.
export function messages(room) {
    return room.getLiveTimeline().getEvents().filter(isMessage).map((event) => show(room, event));
}

function isMessage(event) {
    if (event.status !== null || event.isRelation("m.replace")) return false; // not acknowledged yet; part of another one
    return ["m.room.message", "m.room.encrypted"].includes(event.getType());
}

function show(room, event) {
    const shown = { event_id: event.getId(), sender: event.getSender() };
    if (event.isRedacted()) return { ...shown, redacted: true };
    if (event.isDecryptionFailure()) return { ...shown, failure: event.decryptionFailureReason };
    if (event.getType() === "m.room.encrypted") return { ...shown, failure: "not decrypted yet" };
    const { body, msgtype } = event.getContent();
    return {
        ...shown,
        encrypted: event.isEncrypted(),
        kind: msgtype,
        body,
        edited: Boolean(event.replacingEventId()),
        reactions: reactions(room, event),
    };
}

function reactions(room, event) {
    const found = room.relations.getChildEventsForEvent(event.getId(), "m.annotation", "m.reaction");
    const byKey = found?.getSortedAnnotationsByKey() ?? [];
    return byKey.flatMap(([key, events]) => [...events].map((e) => `${key} ${e.getSender()}`)).sort().join(", ");
}
