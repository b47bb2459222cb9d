import { createClient, MatrixEvent, Room, type MatrixClient } from "matrix-js-sdk";
import { expect, test } from "vitest";
import { headCount, peopleOf } from "./people";
import { mayAct, roleOf, rolesFor, successors } from "./roles";

const me = "@jeanne:mairie.fr";
const custodian = "@_commune:mairie.fr";
const id = (name: string): string => `@${name}:mairie.fr`;

/** A room of version 12 that somebody created, with these people and their power. */
function roomOf(creator: string, users: Record<string, number>, others: Record<string, string> = {}): { mx: MatrixClient; room: Room } {
    const mx = createClient({ baseUrl: "http://localhost", userId: me });
    const room = new Room("!a:mairie.fr", mx, me);
    const state = (type: string, content: object, key = "", sender = creator): MatrixEvent =>
        new MatrixEvent({ type, state_key: key, content, room_id: room.roomId, sender, event_id: `$${type}${key}`, origin_server_ts: 1 });
    const levels = Object.fromEntries(Object.entries(users).filter(([user, power]) => user !== creator && power > 0));
    room.currentState.setStateEvents([
        state("m.room.create", { room_version: "12", additional_creators: [custodian] }),
        state("m.room.power_levels", { users: levels }),
        ...[...Object.keys(users), custodian].map((user) => state("m.room.member", { membership: "join", displayname: user.slice(1, -10) }, user, user)),
        ...Object.entries(others).map(([user, membership]) => state("m.room.member", { membership }, user, user)),
    ]);
    return { mx, room };
}

test("roles are words for power; creators are administrators", () => {
    const { room } = roomOf(me, { [me]: 0, [id("paul")]: 50, [id("anne")]: 100, [id("zoe")]: 99, [id("luc")]: 0 });
    expect(room.getJoinedMembers().filter((m) => m.userId !== custodian).map((m) => [m.rawDisplayName, roleOf(m)])).toEqual([
        ["jeanne", "admin"], ["paul", "moderator"], ["anne", "admin"], ["zoe", "moderator"], ["luc", "member"],
    ]);
});

test("people stand by role and name, the custodian is nobody", () => {
    const { room } = roomOf(me, { [me]: 0, [id("zoé")]: 0, [id("Émile")]: 0, [id("paul")]: 50 }, { [id("guest")]: "invite", [id("asks")]: "knock", [id("out")]: "ban" });
    const people = peopleOf(room, custodian);
    expect(people.joined.map((m) => m.rawDisplayName)).toEqual(["jeanne", "paul", "Émile", "zoé"]);
    expect([people.invited, people.knocking, people.banned].map((list) => list.map((m) => m.userId))).toEqual([[id("guest")], [id("asks")], [id("out")]]);
    expect([people.custodian, headCount(room, custodian)]).toEqual([true, 4]);
});

test.each([
    ["the creator may change everybody but a creator", me, { [me]: 0, [id("paul")]: 100 }, id("paul"), ["admin", "moderator", "member"]],
    ["nobody changes a creator", id("anne"), { [id("anne")]: 0, [me]: 100 }, id("anne"), []],
    ["equals are not changed", id("anne"), { [id("anne")]: 0, [me]: 100, [id("paul")]: 100 }, id("paul"), []],
    ["oneself may step down", id("anne"), { [id("anne")]: 0, [me]: 100 }, me, ["admin", "moderator", "member"]],
    ["a member changes nothing", id("anne"), { [id("anne")]: 0, [me]: 0, [id("paul")]: 0 }, id("paul"), []],
])("%s", (_what, creator, users, target, given) => {
    const { mx, room } = roomOf(creator, users as Record<string, number>);
    expect(rolesFor(mx, room, room.getMember(target)!)).toEqual(given);
});

test("a moderator removes members, not equals, and not oneself", () => {
    const { mx, room } = roomOf(id("anne"), { [id("anne")]: 0, [me]: 50, [id("paul")]: 0, [id("luc")]: 50 });
    const may = (user: string): boolean[] => (["kick", "ban"] as const).map((action) => mayAct(mx, room, room.getMember(user)!, action));
    expect([may(id("paul")), may(id("luc")), may(id("anne")), may(me)]).toEqual([[true, true], [false, false], [false, false], [false, false]]);
});

test("the last administrator has successors to choose from; the custodian is none, and no administrator who counts", () => {
    const last = roomOf(me, { [me]: 0, [id("paul")]: 50 });
    expect(successors(last.mx, last.room, custodian)?.map((m) => m.userId)).toEqual([id("paul")]);
    const two = roomOf(me, { [me]: 0, [id("paul")]: 100 });
    expect(successors(two.mx, two.room, custodian)).toBeNull();
    const member = roomOf(id("anne"), { [id("anne")]: 0, [me]: 0 });
    expect(successors(member.mx, member.room, custodian)).toBeNull();
    const alone = roomOf(me, { [me]: 0 });
    expect(successors(alone.mx, alone.room, custodian)).toEqual([]);
});
