import { MatrixEvent, type IEvent } from "matrix-js-sdk";
import { expect, test } from "vitest";
import { Lines } from "./lines";

const noon = new Date(2026, 10, 23, 12).getTime();
const minutes = 60_000;
let count = 0;

function event(changes: Partial<IEvent>): MatrixEvent {
    return new MatrixEvent({ event_id: `$${++count}`, room_id: "!r:s", sender: "@a:s", type: "m.room.message", origin_server_ts: noon, content: {}, ...changes });
}
const timelineItems = (events: MatrixEvent[], after: string | null = null) => new Lines({ me: "@me:s", skips: ({ who }) => who === "@custodian:s" }).build(events, after);
const text = (body: string, changes: Partial<IEvent> = {}) => event({ content: { msgtype: "m.text", body }, ...changes });
const state = (type: string, content: object, changes: Partial<IEvent> = {}) => event({ type, content: { ...content }, state_key: "", ...changes });
const bodies = (events: MatrixEvent[]) => timelineItems(events).flatMap((item) => (item.kind === "message" ? [item.body] : []));
const notices = (events: MatrixEvent[]) => timelineItems(events).flatMap((item) => (item.kind === "notices" ? item.notices.map(({ key }) => key) : []));

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

test("the line of new messages is before the first message of others behind what was read", () => {
    const events = [text("1"), text("2", { sender: "@me:s" }), event({ type: "m.reaction" }), text("3"), text("4")];
    const kinds = (after: string | null) => timelineItems(events, after).map((item) => (item.kind === "message" ? item.body.kind === "text" && item.body.text : item.kind));
    expect(kinds(events[0]!.getId()!)).toEqual(["day", "1", "2", "unread", "3", "4"]);
    expect(kinds(events[2]!.getId()!)).toEqual(["day", "1", "2", "unread", "3", "4"]);
    expect(kinds(events[4]!.getId()!)).toEqual(["day", "1", "2", "3", "4"]);
    expect(kinds(null)).toEqual(["day", "1", "2", "3", "4"]);
});

test("what is added at the end leaves the lines before it as they are, and so does what is forgotten the others", () => {
    const lines = new Lines({ me: "@me:s", skips: () => false });
    const events = [text("1"), text("2"), text("3")];
    const first = lines.build(events, null);
    const added = lines.build([...events, text("4")], null);
    expect(added.slice(0, first.length)).toEqual(first);
    expect(added.every((item, i) => i >= first.length || item === first[i])).toBe(true);
    lines.forget(events[1]!);
    const again = lines.build([text("0", { origin_server_ts: noon - 1 }), ...events], null);
    expect(again.at(-1)).toBe(first.at(-1));
    expect(again.find((item) => item.kind === "message" && item.event === events[1])).not.toBe(first[2]);
});

test("who has read what makes no line has read the line before it", () => {
    const lines = new Lines({ me: "@me:s", skips: () => false });
    const [message, reaction] = [text("1"), event({ type: "m.reaction" })];
    lines.build([message, reaction], null);
    expect(lines.hidden.get(message.getId()!)).toEqual([reaction]);
});

test("what is on its way has the server's day, also where this clock is wrong", () => {
    const lines = new Lines({ me: "@me:s", skips: () => false });
    const day = 24 * 60 * minutes;
    const there = text("du serveur", { origin_server_ts: Date.now() - day, unsigned: { age: 0 } });
    const here = text("d’ici", { sender: "@me:s", origin_server_ts: Date.now() });
    here.status = "sending" as never;
    expect(lines.build([there, here], null).map(({ kind }) => kind)).toEqual(["day", "message", "message"]);
});

test("those who come and go are one line, what the room's people change each their own", () => {
    const items = timelineItems([
        member("join", "invite"),
        member("join", "invite", { state_key: "@c:s", sender: "@c:s" }),
        member("leave", "join", { state_key: "@c:s", sender: "@c:s" }),
        state("m.room.topic", { topic: "Le budget" }),
        member("ban", "join", { sender: "@a:s", content: { membership: "ban", reason: "publicité" } }),
    ]);
    expect(items.map((item) => (item.kind === "notices" ? item.notices.map(({ key }) => key) : item.kind))).toEqual(["day", ["joined", "joined", "left"], ["topic"], ["banned"]]);
    expect(items.at(-1)).toMatchObject({ notices: [{ reason: "publicité" }] });
});

const changed = (type: string, content: object, before: object) => state(type, content, { unsigned: { prev_content: { ...before } } });

test.each([
    ["m.room.power_levels", { users: { "@b:s": 100 } }, { users: { "@a:s": 100 } , x: 1 }, "roles"],
    ["m.room.power_levels", { users: { "@b:s": 50 } }, { users: { "@b:s": 0 } }, "role_moderator"],
    ["m.room.power_levels", { users: {} }, { users: { "@b:s": "100" } }, "role_member"],
    ["m.room.power_levels", { users: {}, ban: 100 }, { users: {}, ban: 50 }, "rights"],
    ["m.room.power_levels", { users: [] }, { users: "x" }, null],
    ["m.room.join_rules", { join_rule: "public" }, { join_rule: "invite" }, "door_public"],
    ["m.room.join_rules", { join_rule: { a: 1 } }, { join_rule: "invite" }, null],
    ["m.room.history_visibility", { history_visibility: "joined" }, { history_visibility: "shared" }, "history_joined"],
    ["m.room.canonical_alias", { alias: "#a:s" }, {}, "addressed"],
    ["m.room.canonical_alias", { alias: ["#a:s"] }, {}, null],
    ["m.room.pinned_events", { pinned: ["$1"] }, {}, "pinned"],
    ["m.room.pinned_events", { pinned: "$1" }, { pinned: ["$1"] }, "unpinned"],
    ["m.room.topic", { topic: "" }, { topic: "Budget" }, "untitled"],
    ["m.room.name", { name: 3 }, { name: "Conseil" }, "unnamed"],
    ["m.room.tombstone", {}, {}, "replaced"],
    ["toString", {}, {}, null],
])("%s %j after %j: %s", (type, now, before, key) => {
    expect(notices([changed(type, now, before)])).toEqual(key ? [key] : []);
});

test("times that no calendar has, and contents of any type, make lines all the same", () => {
    const strange = [Number.MAX_SAFE_INTEGER, -Number.MAX_SAFE_INTEGER, "hier", null].map((at) => text("?", { origin_server_ts: at as never }));
    expect(bodies(strange)).toHaveLength(4);
    const contents: unknown[] = [null, [], 3, "x", { "m.relates_to": null, body: 1 }, { "m.new_content": 3, "body": [] }];
    expect(bodies(contents.map((content) => event({ content: content as never })))).toHaveLength(contents.length);
});
