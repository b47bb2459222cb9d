import i18next from "i18next";
import { createClient, EventTimeline, MatrixEvent, NotificationCountType, Room, RoomEvent, type MatrixClient } from "matrix-js-sdk";
import { afterEach, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { rest } from "../i18n/fr/rest";
import { readLine } from "./line";
import { RoomStore } from "./store";

const me = "@jeanne:mairie.fr";

beforeAll(() => void i18next.init({ lng: "fr", resources: { fr: { translation: rest } } }));
beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function state(room: string, type: string, content: object, key = "", sender = me): MatrixEvent {
    return new MatrixEvent({ type, state_key: key, content, room_id: room, sender, event_id: `$${type}${key}${room}`, origin_server_ts: 1 });
}

function message(room: string, body: string, at: number): MatrixEvent {
    return new MatrixEvent({ type: "m.room.message", content: { msgtype: "m.text", body }, room_id: room, sender: "@paul:mairie.fr", event_id: `$${at}${room}`, origin_server_ts: at });
}

/** A client with rooms that the account is in, as sync leaves them. */
async function clientWith(count: number): Promise<{ mx: MatrixClient; rooms: Room[] }> {
    const mx = createClient({ baseUrl: "http://localhost", userId: me });
    const rooms = Array.from({ length: count }, (_, i) => {
        const room = new Room(`!${i}:mairie.fr`, mx, me);
        mx.store.storeRoom(room);
        mx.reEmitter.reEmit(room, [RoomEvent.Timeline, RoomEvent.Tags, RoomEvent.MyMembership, RoomEvent.Name] as never);
        room.currentState.setStateEvents([state(room.roomId, "m.room.create", {}), state(room.roomId, "m.room.name", { name: `Salon ${i}` })]);
        room.updateMyMembership("join");
        room.recalculate();
        return room;
    });
    for (const [i, room] of rooms.entries()) await say(room, "Bonjour", 1000 + i);
    return { mx, rooms };
}

async function say(room: Room, body: string, at: number): Promise<void> {
    await room.addLiveEvents([message(room.roomId, body, at)], { addToState: false });
}

test("with 500 rooms, a message costs the reading of its own room and puts it first; the other lines stay the same objects", async () => {
    const { mx, rooms } = await clientWith(500);
    const read = vi.fn(readLine);
    const store = new RoomStore(mx, read);
    const stop = store.start();
    vi.runAllTimers();
    expect(store.snapshot().joined).toHaveLength(500);
    expect(store.snapshot().joined[0]!.name).toBe("Salon 499");
    read.mockClear();
    const before = store.snapshot();
    const drawn = vi.fn();
    store.subscribe(drawn);

    await say(rooms[7]!, "La salle des fêtes est libre", 9000);
    await say(rooms[7]!, "de 18 h à 22 h", 9001);
    vi.runAllTimers();

    expect(read).toHaveBeenCalledTimes(1);
    expect(drawn).toHaveBeenCalledTimes(1);
    const now = store.snapshot();
    expect(now.joined[0]).toMatchObject({ name: "Salon 7", preview: "paul : de 18 h à 22 h" });
    expect(now.joined.slice(1)).toEqual(before.joined.filter((line) => line.id !== rooms[7]!.roomId));
    expect(now.joined.slice(1).every((line) => before.joined.includes(line))).toBe(true);
    stop();
});

test("what changes nothing in the list draws nothing", async () => {
    const { mx, rooms } = await clientWith(3);
    const store = new RoomStore(mx);
    store.start();
    vi.runAllTimers();
    const before = store.snapshot();
    rooms[0]!.emit(RoomEvent.Name, rooms[0]!);
    vi.runAllTimers();
    expect(store.snapshot()).toBe(before);
});

test("counts, favourites and rooms that one leaves are seen", async () => {
    const { mx, rooms } = await clientWith(3);
    const store = new RoomStore(mx);
    store.start();
    vi.runAllTimers();
    rooms[0]!.setUnreadNotificationCount(NotificationCountType.Total, 4);
    rooms[0]!.setUnreadNotificationCount(NotificationCountType.Highlight, 1);
    rooms[1]!.addTags(new MatrixEvent({ type: "m.tag", content: { tags: { "m.favourite": {} } } }));
    rooms[2]!.updateMyMembership("leave");
    vi.runAllTimers();
    const lines = store.snapshot().joined;
    expect(lines.map(({ name, unread, mentions, shelf }) => ({ name, unread, mentions, shelf }))).toEqual([
        { name: "Salon 1", unread: 0, mentions: 0, shelf: "favourite" },
        { name: "Salon 0", unread: 4, mentions: 1, shelf: "plain" },
    ]);
});

test("a room that nothing is to be heard of counts nothing", async () => {
    const { mx, rooms } = await clientWith(2);
    const silent = { rule_id: rooms[0]!.roomId, enabled: true, default: false, actions: [], conditions: [{ kind: "event_match", key: "room_id", pattern: rooms[0]!.roomId }] };
    mx.setPushRules({ global: { override: [silent] } } as never);
    rooms.forEach((room) => room.setUnreadNotificationCount(NotificationCountType.Total, 2));
    const lines = new RoomStore(mx).snapshot().joined;
    expect(lines.map(({ name, muted, unread }) => [name, muted, unread])).toEqual([["Salon 1", false, 2], ["Salon 0", true, 0]]);
});

test("a room that was replaced goes when one is in the next one, and only then", async () => {
    const { mx, rooms } = await clientWith(2);
    rooms[0]!.currentState.setStateEvents([state(rooms[0]!.roomId, "m.room.tombstone", { replacement_room: rooms[1]!.roomId })]);
    expect(new RoomStore(mx).snapshot().joined.map((line) => line.name)).toEqual(["Salon 1"]);
    rooms[1]!.updateMyMembership("leave");
    expect(new RoomStore(mx).snapshot().joined.map((line) => line.name)).toEqual(["Salon 0"]);
});

test("a space is no salon, and broken events in it are nothing", async () => {
    const { mx, rooms } = await clientWith(2);
    const [space] = rooms as [Room, Room];
    vi.spyOn(space, "isSpaceRoom").mockReturnValue(true);
    space.getLiveTimeline().getState(EventTimeline.FORWARDS)!.setStateEvents([
        state(space.roomId, "m.space.child", { via: ["mairie.fr"] }, "!1:mairie.fr"),
        state(space.roomId, "m.space.child", {}, "!gone:mairie.fr"),
        state(space.roomId, "m.space.child", { via: "mairie.fr" }, "!broken:mairie.fr"),
    ]);
    const { joined, spaces } = new RoomStore(mx).snapshot();
    expect(joined.map((line) => line.name)).toEqual(["Salon 1"]);
    expect(spaces).toMatchObject([{ name: "Salon 0", children: "!1:mairie.fr" }]);
});
