import { KnownMembership, type MatrixClient, type Room } from "matrix-js-sdk";
import { spoken } from "../client/identifier";
import { memberName } from "../rooms/preview";
import { folded, type Candidate } from "./completion";
import { everyone, type Mention } from "./mentions";

/** Something to complete a name with, and what it means. */
export interface Named extends Candidate {
    mention: Mention;
}

/** The people of a room, and all of them at once where one may call all. `custodian` reads nothing, so nobody calls it. */
export function people(room: Room, custodian: string, all: { word: string; hint: string }): Named[] {
    const own = room.myUserId;
    const domain = room.client.getDomain() ?? "";
    const members = room.getMembersWithMembership(KnownMembership.Join).filter(({ userId }) => userId !== own && userId !== custodian);
    const named = members.map(({ userId }) => person(memberName(room, userId), userId, spoken(userId, domain)));
    named.sort((a, b) => a.shown.localeCompare(b.shown));
    return room.currentState.mayTriggerNotifOfType("room", own) ? [...named, toAll(all)] : named;
}

function person(name: string, userId: string, identifier: string): Named {
    const text = `@${name}`;
    return { key: userId, shown: name, hint: identifier, words: folded(`${name} ${identifier.replaceAll(".", " ")} ${identifier}`), text, mention: { text, id: userId } };
}

function toAll({ word, hint }: { word: string; hint: string }): Named {
    const text = `@${word}`;
    return { key: everyone, shown: text, hint, words: folded(`${word} room`), text, mention: { text, id: everyone } };
}

/** The salons that one is in; those with an address are named by it, which others can use too. */
export function salons(mx: MatrixClient, conversation: (room: Room) => boolean): Named[] {
    const joined = mx.getRooms().filter((room) => room.getMyMembership() === KnownMembership.Join && !room.isSpaceRoom() && !conversation(room));
    return joined.map((room) => salon(room)).sort((a, b) => a.shown.localeCompare(b.shown));
}

function salon(room: Room): Named {
    const text = `#${room.name}`;
    return { key: room.roomId, shown: room.name, words: folded(room.name), text, mention: { text, id: room.getCanonicalAlias() ?? room.roomId } };
}
