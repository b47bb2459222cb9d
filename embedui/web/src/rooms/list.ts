import { KnownMembership, NotificationCountType, type MatrixClient, type Room } from "matrix-js-sdk";
import { isConversation } from "./direct";
import { memberName, preview } from "./preview";

/** A room as the list shows it. */
export interface RoomLine {
    id: string;
    room: Room;
    name: string;
    conversation: boolean;
    preview: string | null;
    at: number;
    unread: number;
    mentions: number;
}

export interface Invitation {
    id: string;
    room: Room;
    name: string;
    conversation: boolean;
    by: string;
}

export interface RoomList {
    invitations: Invitation[];
    conversations: RoomLine[];
    salons: RoomLine[];
}

/** The rooms of the account, the last used first. */
export function roomList(mx: MatrixClient): RoomList {
    const rooms = mx.getRooms();
    const joined = rooms.filter((room) => room.getMyMembership() === KnownMembership.Join && !room.isSpaceRoom());
    const lines = joined.map((room) => line(mx, room)).sort((a, b) => b.at - a.at);
    return {
        invitations: rooms.filter((room) => room.getMyMembership() === KnownMembership.Invite).map((room) => invitation(mx, room)),
        conversations: lines.filter((l) => l.conversation),
        salons: lines.filter((l) => !l.conversation),
    };
}

function line(mx: MatrixClient, room: Room): RoomLine {
    const last = lastMessage(room);
    return {
        id: room.roomId,
        room,
        name: room.name,
        conversation: isConversation(mx, room),
        preview: last?.text ?? null,
        at: last?.at ?? room.getLastActiveTimestamp(),
        unread: room.getUnreadNotificationCount(NotificationCountType.Total),
        mentions: room.getUnreadNotificationCount(NotificationCountType.Highlight),
    };
}

function lastMessage(room: Room): { text: string; at: number } | null {
    for (const event of room.getLiveTimeline().getEvents().toReversed()) {
        const text = preview(event, room);
        if (text) return { text, at: event.getTs() };
    }
    return null;
}

function invitation(mx: MatrixClient, room: Room): Invitation {
    const by = room.getMember(mx.getSafeUserId())?.events.member?.getSender();
    return { id: room.roomId, room, name: room.name, conversation: isConversation(mx, room), by: by ? memberName(room, by) : "" };
}
