import { EventType, KnownMembership, type MatrixClient, type Room } from "matrix-js-sdk";

// Which rooms are conversations: account data m.direct. Spec: client-server API, "Direct Messaging".

type Direct = Record<string, string[]>;

function direct(mx: MatrixClient): Direct {
    return mx.getAccountData(EventType.Direct)?.getContent<Direct>() ?? {};
}

export function isConversation(mx: MatrixClient, room: Room): boolean {
    return Boolean(room.getDMInviter()) || Object.values(direct(mx)).some((ids) => ids.includes(room.roomId));
}

/** The conversation that exists already with a user. */
export function conversationWith(mx: MatrixClient, userId: string): Room | null {
    const rooms = (direct(mx)[userId] ?? []).map((id) => mx.getRoom(id));
    return rooms.find((room) => room?.getMyMembership() === KnownMembership.Join) ?? null;
}

export async function markAsConversation(mx: MatrixClient, roomId: string, userId: string): Promise<void> {
    const before = direct(mx);
    const ids = before[userId] ?? [];
    if (ids.includes(roomId)) return;
    await mx.setAccountData(EventType.Direct, { ...before, [userId]: [...ids, roomId] });
}
