import { MatrixEvent, type IEvent } from "matrix-js-sdk";
import { expect, test } from "vitest";
import { timelineItems } from "./items";

const noon = new Date(2026, 10, 23, 12).getTime();
const minutes = 60_000;
let count = 0;

function event(changes: Partial<IEvent>): MatrixEvent {
    return new MatrixEvent({ event_id: `$${++count}`, room_id: "!r:s", sender: "@a:s", type: "m.room.message", origin_server_ts: noon, content: {}, ...changes });
}
const text = (body: string, changes: Partial<IEvent> = {}) => event({ content: { msgtype: "m.text", body }, ...changes });
const state = (type: string, content: object, changes: Partial<IEvent> = {}) => event({ type, content: { ...content }, state_key: "", ...changes });
const bodies = (events: MatrixEvent[]) => timelineItems(events).flatMap((item) => (item.kind === "message" ? [item.body] : []));
const notices = (events: MatrixEvent[]) => timelineItems(events).flatMap((item) => (item.kind === "notice" ? [item.notice.key] : []));

test("a new day has a heading, and messages that follow each other are one person's turn", () => {
    const items = timelineItems([
        text("1", { origin_server_ts: noon - 24 * 60 * minutes }),
        text("2"),
        text("3", { origin_server_ts: noon + minutes }),
        text("4", { origin_server_ts: noon + 2 * minutes, sender: "@b:s" }),
        text("5", { origin_server_ts: noon + 10 * minutes, sender: "@b:s" }),
    ]);
    expect(items.map((item) => (item.kind === "message" ? item.continued : item.kind))).toEqual(["day", false, "day", false, true, false, false]);
});

test("edits, reactions and what is not for people make no line", () => {
    const edit = text("* neu", { content: { "msgtype": "m.text", "body": "* neu", "m.relates_to": { rel_type: "m.replace", event_id: "$1" } } });
    const reaction = event({ type: "m.reaction", content: { "m.relates_to": { rel_type: "m.annotation", event_id: "$1", key: "👍" } } });
    expect(timelineItems([edit, reaction, event({ type: "org.example.poll" }), state("m.room.power_levels", {})])).toEqual([]);
});

test("each kind of content has its body", () => {
    const deleted = text("secret", { unsigned: { redacted_because: event({ type: "m.room.redaction" }).event as never } });
    expect(
        bodies([
            text("bonjour"),
            event({ content: { msgtype: "m.emote", body: "sourit" } }),
            event({ content: { msgtype: "m.image", body: "photo", filename: "photo.jpg" } }),
            event({ content: { msgtype: "m.file", body: "budget.pdf", filename: 3 } }),
            event({ content: { msgtype: "m.text", body: { no: "text" } } }),
            deleted,
            event({ type: "m.room.encrypted", content: { algorithm: "m.megolm.v1.aes-sha2" } }),
        ]),
    ).toEqual([
        { kind: "text", text: "bonjour", emote: false },
        { kind: "text", text: "sourit", emote: true },
        { kind: "file", name: "photo.jpg", caption: "photo" },
        { kind: "file", name: "budget.pdf" },
        { kind: "unknown" },
        { kind: "deleted" },
        { kind: "locked", lock: "waiting" },
    ]);
});

test("the copy of the answered message that older clients write is left out", () => {
    const reply = { "msgtype": "m.text", "body": "> <@b:s> quand ?\n> où ?\n\nDemain.", "m.relates_to": { "m.in_reply_to": { event_id: "$1" } } };
    expect(bodies([event({ content: reply }), text("> <cité>\nici")])).toMatchObject([{ text: "Demain." }, { text: "> <cité>\nici" }]);
});

const member = (membership: string, before: string | undefined, changes: Partial<IEvent> = {}) =>
    state("m.room.member", { membership }, { state_key: "@b:s", sender: "@b:s", unsigned: before ? { prev_content: { membership: before } } : {}, ...changes });

test("what happens to a room is told once", () => {
    expect(
        notices([
            state("m.room.create", {}),
            member("join", undefined, { state_key: "@a:s", sender: "@a:s" }), // its creator
            state("m.room.name", { name: "Conseil" }), // its first name
            member("invite", undefined, { sender: "@a:s" }),
            member("join", "invite"),
            member("join", "join"),
            member("leave", "join"),
            member("leave", "join", { sender: "@a:s" }),
            member("leave", "invite"),
            member("ban", "join", { sender: "@a:s" }),
            state("m.room.name", { name: "Conseil municipal" }, { unsigned: { prev_content: { name: "Conseil" } } }),
            state("m.room.retention", { max_lifetime: 30 * 24 * 60 * minutes }),
            state("m.room.retention", { max_lifetime: 30 * 24 * 60 * minutes, min_lifetime: 1 }, { unsigned: { prev_content: { max_lifetime: 30 * 24 * 60 * minutes } } }),
            state("m.room.retention", {}, { unsigned: { prev_content: { max_lifetime: 30 * 24 * 60 * minutes } } }),
        ]),
    ).toEqual(["created", "invited", "joined", "left", "removed", "declined", "banned", "named", "kept", "keptForever"]);
});
