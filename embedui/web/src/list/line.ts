import { EventType, KnownMembership, NotificationCountType, type MatrixClient, type Room } from "matrix-js-sdk";
import { isConversation } from "../rooms/direct";
import { levelOf } from "../rooms/notifications";
import { memberName, preview } from "../rooms/preview";
import { shelfOf, type Shelf } from "../rooms/tags";

/** What the left column knows of a room. It holds no objects of the SDK: two of them are the same when their fields are. */
export interface RoomLine {
    readonly id: string;
    readonly name: string;
    readonly kind: "conversation" | "salon" | "space";
    readonly membership: "join" | "invite" | "knock";
    readonly shelf: Shelf;
    /** Nothing in it calls: no counts, no bold. */
    readonly muted: boolean;
    readonly preview: string | null;
    /** When something was said there last, in milliseconds. */
    readonly at: number;
    readonly unread: number;
    readonly mentions: number;
    /** Who invites; empty where it is no invitation. */
    readonly by: string;
    readonly avatar: string | null;
    /** Of a space: the rooms in it, in no order, joined with a space between them. */
    readonly children: string;
}

const memberships: readonly string[] = [KnownMembership.Join, KnownMembership.Invite, KnownMembership.Knock];

/** Reads a room for the list; null: the list does not show it. */
export function readLine(mx: MatrixClient, room: Room): RoomLine | null {
    const membership = room.getMyMembership();
    if (!memberships.includes(membership) || replaced(mx, room)) return null;
    const last = lastMessage(room);
    const space = room.isSpaceRoom();
    const muted = levelOf(mx.pushRules, room.roomId) === "none";
    return {
        id: room.roomId,
        name: room.name,
        kind: space ? "space" : isConversation(mx, room) ? "conversation" : "salon",
        membership: membership as RoomLine["membership"],
        shelf: shelfOf(room),
        muted,
        preview: last?.text ?? null,
        at: last?.at ?? room.getLastActiveTimestamp(),
        unread: muted ? 0 : room.getUnreadNotificationCount(NotificationCountType.Total),
        mentions: muted ? 0 : room.getUnreadNotificationCount(NotificationCountType.Highlight),
        by: membership === KnownMembership.Invite ? inviter(mx, room) : "",
        avatar: room.getMxcAvatarUrl() ?? room.getAvatarFallbackMember()?.getMxcAvatarUrl() ?? null,
        children: space ? childrenOf(room).join(" ") : "",
    };
}

export function sameLine(a: RoomLine, b: RoomLine): boolean {
    return (Object.keys(a) as (keyof RoomLine)[]).every((field) => a[field] === b[field]);
}

/** A room that was replaced by one that the account is in is history. Spec: client-server API, "Room Upgrades". */
function replaced(mx: MatrixClient, room: Room): boolean {
    const next: unknown = room.currentState.getStateEvents(EventType.RoomTombstone, "")?.getContent().replacement_room;
    return typeof next === "string" && mx.getRoom(next)?.getMyMembership() === KnownMembership.Join;
}

/** What a space says is in it: an event without `via` says that it is not any more. Spec: client-server API, "Spaces". */
export function childrenOf(space: Room): string[] {
    const events = space.currentState.getStateEvents(EventType.SpaceChild);
    return events.filter((event) => Array.isArray(event.getContent().via)).map((event) => event.getStateKey()!);
}

function lastMessage(room: Room): { text: string; at: number } | null {
    const events = room.getLiveTimeline().getEvents();
    for (let i = events.length - 1; i >= 0; i--) {
        const text = preview(events[i]!, room);
        if (text) return { text, at: events[i]!.getTs() };
    }
    return null;
}

function inviter(mx: MatrixClient, room: Room): string {
    const by = room.getMember(mx.getSafeUserId())?.events.member?.getSender();
    return by ? memberName(room, by) : "";
}
