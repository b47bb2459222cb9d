import { EventType, type MatrixClient, type Room } from "matrix-js-sdk";

const most = 100; // pinned messages; older ones give way

/** Ids of the pinned messages, the last pinned one last. Spec: "m.room.pinned_events". */
export function pinnedIds(room: Room): string[] {
    const pinned: unknown = room.currentState.getStateEvents(EventType.RoomPinnedEvents, "")?.getContent().pinned;
    return Array.isArray(pinned) ? [...new Set(pinned.filter((id) => typeof id === "string"))].slice(-most) : [];
}

export function mayPin(room: Room): boolean {
    return room.currentState.maySendStateEvent(EventType.RoomPinnedEvents, room.myUserId);
}

/** Pins a message, or takes it off. */
export async function setPinned(mx: MatrixClient, room: Room, id: string, pinned: boolean): Promise<void> {
    const others = pinnedIds(room).filter((one) => one !== id);
    await mx.sendStateEvent(room.roomId, EventType.RoomPinnedEvents, { pinned: pinned ? [...others, id].slice(-most) : others });
}
