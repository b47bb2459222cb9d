import type { HierarchyRoom, Room } from "matrix-js-sdk";
import { useCallback, useEffect, useState } from "react";
import { useClient } from "../client/context";
import { faultText } from "../client/fault";
import { childrenOf } from "../list/line";

const page = 50; // rooms asked for at once

interface Hierarchy {
    /** What is in the space, in the order that the server gives. */
    rooms: HierarchyRoom[];
    busy: boolean;
    fault: string | null;
    more: boolean;
    load(): void;
}

/** Asks the server what is in a space, page after page; again when the space changes. Spec: client-server API, "Discovering rooms within spaces". */
export function useHierarchy(space: Room): Hierarchy {
    const { mx } = useClient();
    const [rooms, setRooms] = useState<HierarchyRoom[]>([]);
    const [next, setNext] = useState<string | undefined>();
    const [busy, setBusy] = useState(true);
    const [fault, setFault] = useState<string | null>(null);
    const ask = useCallback(
        async (from: string | undefined, before: HierarchyRoom[]) => {
            setBusy(true);
            setFault(null);
            try {
                const answer = await mx.getRoomHierarchy(space.roomId, page, 1, false, from);
                setRooms([...before, ...answer.rooms.filter((room) => room.room_id !== space.roomId)]);
                setNext(answer.next_batch);
            } catch (error) {
                setFault(faultText(error));
            }
            setBusy(false);
        },
        [mx, space],
    );
    const children = childrenOf(space).sort().join(" ");
    useEffect(() => void ask(undefined, []), [ask, children]);
    return { rooms, busy, fault, more: next !== undefined, load: () => void ask(next, rooms) };
}
