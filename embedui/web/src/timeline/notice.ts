import { EventType, KnownMembership, type MatrixEvent } from "matrix-js-sdk";
import { keptDays } from "../rooms/retention";

const role = ["administrator", "moderator", "member"] as const;
const doors = ["public", "invite", "knock", "restricted", "knock_restricted"] as const;
const histories = ["world_readable", "shared", "invited", "joined"] as const;

/** `key` of a notice: its sentence in the catalogue. */
export type NoticeKey =
    | "joined" | "left" | "invited" | "declined" | "withdrawn" | "removed" | "banned" | "unbanned" | "knocked" | "unknocked" | "refused" | "mailed"
    | "renamed" | "pictured" | "named" | "unnamed" | "topic" | "untitled" | "picture" | "created" | "encrypted" | "kept" | "keptForever"
    | "roles" | "rights" | "addressed" | "unaddressed" | "pinned" | "unpinned" | "replaced" | "servers" | "guests" | "noGuests" | "shelved" | "unshelved"
    | `role_${(typeof role)[number]}` | `door_${(typeof doors)[number]}` | `history_${(typeof histories)[number]}`;

/** A line between messages: who came, who left, what was changed. */
export interface Notice {
    key: NoticeKey;
    who: string;
    whom?: string;
    name?: string;
    days?: number;
    reason?: string;
}

type Content = Record<string, unknown>;
type Change = (now: Content, before: Content, event: MatrixEvent) => Omit<Notice, "who"> | null;

const changes: Record<string, Change> = {
    [EventType.RoomCreate]: () => ({ key: "created" }),
    [EventType.RoomEncryption]: (now) => (text(now.algorithm) ? { key: "encrypted" } : null),
    [EventType.RoomMember]: membership,
    // The first name comes with the room, and is above.
    [EventType.RoomName]: (now, before) => (!before.name ? null : text(now.name) ? { key: "named", name: text(now.name) } : { key: "unnamed" }),
    [EventType.RoomTopic]: (now, before) => (text(now.topic) ? { key: "topic", name: text(now.topic) } : text(before.topic) ? { key: "untitled" } : null),
    [EventType.RoomAvatar]: (now, before) => (now.url === before.url ? null : { key: "picture" }),
    [EventType.RoomPowerLevels]: (now, before) => (Object.keys(before).length ? powers(now, before) : null), // the first ones come with the room
    [EventType.RoomJoinRules]: (now, before) => (before.join_rule && now.join_rule !== before.join_rule ? oneOf("door", doors, now.join_rule) : null),
    [EventType.RoomHistoryVisibility]: (now, before) => (before.history_visibility && now.history_visibility !== before.history_visibility ? oneOf("history", histories, now.history_visibility) : null),
    [EventType.RoomGuestAccess]: (now, before) => (before.guest_access && now.guest_access !== before.guest_access ? { key: now.guest_access === "can_join" ? "guests" : "noGuests" } : null),
    [EventType.RoomCanonicalAlias]: (now, before) => (text(now.alias) ? { key: "addressed", name: text(now.alias) } : before.alias ? { key: "unaddressed" } : null),
    [EventType.RoomPinnedEvents]: pins,
    [EventType.RoomTombstone]: () => ({ key: "replaced" }),
    [EventType.RoomServerAcl]: () => ({ key: "servers" }),
    [EventType.RoomThirdPartyInvite]: (now) => (text(now.display_name) ? { key: "mailed", name: text(now.display_name) } : null),
    [EventType.SpaceParent]: (now) => ({ key: Array.isArray(now.via) ? "shelved" : "unshelved" }),
    "m.room.retention": retention,
};

/** The notice that a state event makes; null: it is of no interest to people. */
export function noticeOf(event: MatrixEvent): Notice | null {
    const change = Object.hasOwn(changes, event.getType()) ? changes[event.getType()]!(event.getContent() ?? {}, event.getPrevContent() ?? {}, event) : null;
    return change && { who: event.getSender()!, ...change };
}

function retention(now: Content, before: Content): Omit<Notice, "who"> | null {
    const [days, daysBefore] = [keptDays(now), keptDays(before)];
    if (days === daysBefore) return null;
    return days === null ? { key: "keptForever" } : { key: "kept", days };
}

function membership(now: Content, before: Content, event: MatrixEvent): Omit<Notice, "who"> | null {
    const whom = event.getStateKey()!;
    const by = event.getSender() === whom;
    const reason = text(now.reason) ? { reason: text(now.reason) } : {};
    switch (now.membership) {
        case KnownMembership.Join:
            return before.membership === KnownMembership.Join ? profile(now, before) : { key: "joined" };
        case KnownMembership.Invite:
            return { key: "invited", whom, ...reason };
        case KnownMembership.Knock:
            return { key: "knocked", ...reason };
        case KnownMembership.Ban:
            return { key: "banned", whom, ...reason };
        case KnownMembership.Leave:
            return by ? { key: leaving(before.membership) } : { key: removing(before.membership), whom, ...reason };
    }
    return null;
}

function leaving(before: unknown): NoticeKey {
    if (before === KnownMembership.Invite) return "declined";
    return before === KnownMembership.Knock ? "unknocked" : "left";
}

function removing(before: unknown): NoticeKey {
    if (before === KnownMembership.Invite) return "withdrawn";
    if (before === KnownMembership.Knock) return "refused";
    return before === KnownMembership.Ban ? "unbanned" : "removed";
}

function profile(now: Content, before: Content): Omit<Notice, "who"> | null {
    if (text(now.displayname) && now.displayname !== before.displayname) return { key: "renamed", name: text(now.displayname) };
    return now.avatar_url !== before.avatar_url ? { key: "pictured" } : null;
}

/** One person's role is told by name. */
function powers(now: Content, before: Content): Omit<Notice, "who"> | null {
    const [users, usersBefore] = [levels(now.users), levels(before.users)];
    const [usual, usualBefore] = [level(now.users_default, 0), level(before.users_default, 0)];
    const changed = [...new Set([...Object.keys(users), ...Object.keys(usersBefore)])].filter((id) => roleOf(level(users[id], usual)) !== roleOf(level(usersBefore[id], usualBefore)));
    if (changed.length === 0) return JSON.stringify({ ...now, users: 0 }) === JSON.stringify({ ...before, users: 0 }) ? null : { key: "rights" };
    return changed.length === 1 ? { key: `role_${roleOf(level(users[changed[0]!], usual))}`, whom: changed[0]! } : { key: "roles" };
}

function roleOf(power: number): (typeof role)[number] {
    if (power >= 100) return "administrator";
    return power >= 50 ? "moderator" : "member";
}

function levels(users: unknown): Content {
    return typeof users === "object" && users !== null ? (users as Content) : {};
}

/** Rooms of old versions may have them as text. */
function level(value: unknown, otherwise: number): number {
    const power = typeof value === "string" ? Number(value) : value;
    return typeof power === "number" && Number.isFinite(power) ? power : otherwise;
}

function pins(now: Content, before: Content): Omit<Notice, "who"> | null {
    const [count, countBefore] = [now.pinned, before.pinned].map((ids) => (Array.isArray(ids) ? ids.length : 0)) as [number, number];
    if (count === countBefore) return null;
    return { key: count > countBefore ? "pinned" : "unpinned" };
}

function oneOf<P extends string, T extends string>(prefix: P, known: readonly T[], value: unknown): { key: `${P}_${T}` } | null {
    const found = known.find((one) => one === value);
    return found ? { key: `${prefix}_${found}` } : null;
}

function text(value: unknown): string {
    return typeof value === "string" ? value : "";
}
