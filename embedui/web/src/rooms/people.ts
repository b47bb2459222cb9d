import { KnownMembership, type Room, type RoomMember } from "matrix-js-sdk";
import { memberName } from "./preview";
import { roleOf, roles } from "./roles";

/** Who is in a room, for people: the town hall's custodian is a member, but nobody who reads (ARCHITECTURE.md, "Who may create what"). */
export interface People {
    /** Administrators first, then moderators, each by name. */
    joined: RoomMember[];
    invited: RoomMember[];
    /** Those who ask to be let in. */
    knocking: RoomMember[];
    banned: RoomMember[];
    custodian: boolean;
}

/** How many have joined, without the custodian. Right also before the members are loaded. */
export function headCount(room: Room, custodianId: string): number {
    return room.getJoinedMemberCount() - (isKept(room, custodianId) ? 1 : 0);
}

/** Everybody, in order: for who looks at them, since a room may have ten thousand. */
export function peopleOf(room: Room, custodianId: string): People {
    const order = new Intl.Collator(undefined, { sensitivity: "base" });
    const members = (membership: string): RoomMember[] => {
        const named = room.getMembersWithMembership(membership).filter((m) => m.userId !== custodianId).map((member) => ({ member, name: memberName(room, member.userId) }));
        return named.sort((a, b) => order.compare(a.name, b.name)).map(({ member }) => member);
    };
    const joined = members(KnownMembership.Join);
    return {
        joined: roles.flatMap((role) => joined.filter((member) => roleOf(member) === role)),
        invited: members(KnownMembership.Invite),
        knocking: members(KnownMembership.Knock),
        banned: members(KnownMembership.Ban),
        custodian: isKept(room, custodianId),
    };
}

function isKept(room: Room, custodianId: string): boolean {
    const creators: unknown = room.currentState.getStateEvents("m.room.create", "")?.getContent().additional_creators;
    return Array.isArray(creators) && creators.includes(custodianId);
}
