import { EventType, KnownMembership, type MatrixClient, type Room, type RoomMember } from "matrix-js-sdk";

// What people may do in a room, in words. Spec: client-server API, m.room.power_levels; creators of rooms of version 12 stand above all levels.

export type Role = "admin" | "moderator" | "member";

export const roles: readonly Role[] = ["admin", "moderator", "member"];

const levels: Record<Role, number> = { admin: 100, moderator: 50, member: 0 };

export function roleOf(member: RoomMember): Role {
    return roles.find((role) => member.powerLevel >= levels[role]) ?? "member";
}

/** The roles that the account may give somebody; none where it may not change that one's. */
export function rolesFor(mx: MatrixClient, room: Room, member: RoomMember): Role[] {
    const own = powerOf(room, mx.getSafeUserId());
    const self = member.userId === mx.getUserId();
    const above = member.powerLevel === Infinity || (!self && member.powerLevel >= own);
    if (above || !room.currentState.maySendStateEvent(EventType.RoomPowerLevels, mx.getSafeUserId())) return [];
    return roles.filter((role) => levels[role] <= own);
}

export async function giveRole(mx: MatrixClient, room: Room, userId: string, role: Role): Promise<void> {
    await mx.setPowerLevel(room.roomId, userId, levels[role]);
}

/** Whether the account may remove somebody, or ban them. */
export function mayAct(mx: MatrixClient, room: Room, member: RoomMember, action: "kick" | "ban"): boolean {
    const own = powerOf(room, mx.getSafeUserId());
    return member.userId !== mx.getUserId() && own > member.powerLevel && room.currentState.hasSufficientPowerLevelFor(action, own);
}

/** Whoever could be administrator when the account, the last one, leaves; null: it is not the last. */
export function successors(mx: MatrixClient, room: Room, custodian: string): RoomMember[] | null {
    const joined = room.getMembersWithMembership(KnownMembership.Join).filter(({ userId }) => userId !== custodian);
    const [own, others] = [joined.find(({ userId }) => userId === mx.getUserId()), joined.filter(({ userId }) => userId !== mx.getUserId())];
    if (!own || roleOf(own) !== "admin" || others.some((member) => roleOf(member) === "admin")) return null;
    return others;
}

function powerOf(room: Room, userId: string): number {
    return room.getMember(userId)?.powerLevel ?? 0;
}
