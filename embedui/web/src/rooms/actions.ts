import {
    ClientEvent, EventType, KnownMembership, MatrixError, Preset, type ICreateRoomOpts, type MatrixClient, type Room,
} from "matrix-js-sdk";
import { conversationWith, isConversation, markAsConversation } from "./direct";

const encryption = { type: EventType.RoomEncryption, state_key: "", content: { algorithm: "m.megolm.v1.aes-sha2" } };

/** A salon: encrypted, for invited people. */
export function createSalon(mx: MatrixClient, name: string): Promise<string> {
    return created(mx, { name, preset: Preset.PrivateChat, initial_state: [encryption] });
}

/** A conversation with one person, or the one that there is. */
export async function createConversation(mx: MatrixClient, userId: string): Promise<string> {
    const there = conversationWith(mx, userId);
    if (there) return there.roomId;
    const id = await created(mx, { preset: Preset.TrustedPrivateChat, is_direct: true, invite: [userId], initial_state: [encryption] });
    await markAsConversation(mx, id, userId);
    return id;
}

async function created(mx: MatrixClient, options: ICreateRoomOpts): Promise<string> {
    const { room_id: id } = await mx.createRoom(options);
    await arrived(mx, id, KnownMembership.Join);
    return id;
}

/** Invites; the SDK hands over the keys of what was written before, where the room lets newcomers read it. */
export async function invite(mx: MatrixClient, room: Room, userId: string): Promise<void> {
    await mx.invite(room.roomId, userId);
}

export async function acceptInvitation(mx: MatrixClient, room: Room): Promise<void> {
    const inviter = isConversation(mx, room) ? room.getDMInviter() : undefined;
    await mx.joinRoom(room.roomId);
    if (inviter) await markAsConversation(mx, room.roomId, inviter);
    await arrived(mx, room.roomId, KnownMembership.Join);
}

/** Joins a room that lets one in. */
export async function join(mx: MatrixClient, id: string): Promise<void> {
    await mx.joinRoom(id);
    await arrived(mx, id, KnownMembership.Join);
}

/** Asks to be let in; whoever may invite there answers. */
export async function knock(mx: MatrixClient, id: string, reason?: string): Promise<void> {
    await mx.knockRoom(id, reason ? { reason } : {});
    await arrived(mx, id, KnownMembership.Knock);
}

export async function declineInvitation(mx: MatrixClient, room: Room): Promise<void> {
    await mx.leave(room.roomId);
}

/** Tells whether there is such a person; only another server's people may be unknown without being wrong. */
export async function exists(mx: MatrixClient, userId: string): Promise<boolean> {
    try {
        await mx.getProfileInfo(userId);
        return true;
    } catch (error) {
        if (error instanceof MatrixError && (error.httpStatus === 404 || error.httpStatus === 403)) return false;
        throw error;
    }
}

/** Waits until sync brings the room. */
function arrived(mx: MatrixClient, id: string, membership: KnownMembership): Promise<void> {
    return new Promise((resolve) => {
        const look = (): void => {
            if (mx.getRoom(id)?.getMyMembership() !== membership) return;
            mx.off(ClientEvent.Sync, look);
            resolve();
        };
        mx.on(ClientEvent.Sync, look);
        look();
    });
}
