import { KnownMembership, type Room, type RoomMember } from "matrix-js-sdk";
import { memberName } from "./preview";

/** Who is in a room, for people: the town hall's custodian is a member, but nobody who reads (ARCHITECTURE.md, "Who may create what"). */
export interface People {
    /** How many have joined, without the custodian. Right also before the members are loaded. */
    count: number;
    joined: RoomMember[];
    invited: RoomMember[];
    custodian: boolean;
}

export function peopleOf(room: Room, custodianId: string): People {
    const custodian = room.currentState.getStateEvents("m.room.create", "")?.getContent().additional_creators?.includes(custodianId) ?? false;
    const byName = (a: RoomMember, b: RoomMember): number => memberName(room, a.userId).localeCompare(memberName(room, b.userId));
    const members = (membership: string) => room.getMembersWithMembership(membership).filter((m) => m.userId !== custodianId).sort(byName);
    return {
        count: room.getJoinedMemberCount() - (custodian ? 1 : 0),
        joined: members(KnownMembership.Join),
        invited: members(KnownMembership.Invite),
        custodian,
    };
}
