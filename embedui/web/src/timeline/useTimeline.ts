import { MatrixEventEvent, RelationsEvent, RoomEvent, type Room } from "matrix-js-sdk";
import { useCallback, useMemo, useState } from "react";
import { useClient } from "../client/context";
import { useEvents } from "../client/events";
import { faultText } from "../client/fault";
import { timelineItems, type Item } from "./items";

const roomChanges = [
    RoomEvent.Timeline, RoomEvent.TimelineReset, RoomEvent.TimelineRefresh, RoomEvent.LocalEchoUpdated, RoomEvent.Redaction,
    RoomEvent.Name, "RoomState.events", MatrixEventEvent.Replaced, MatrixEventEvent.RelationsCreated, RelationsEvent.Add,
] as const;
const clientChanges = [MatrixEventEvent.Decrypted, MatrixEventEvent.Replaced] as const;

const page = 30; // events asked for at once

interface Shown {
    items: Item[];
    /** Changes with everything that is shown, also inside of messages. */
    version: number;
    /** There is more above. */
    more: boolean;
    loading: boolean;
    fault: string | null;
    loadOlder(): Promise<void>;
}

/** What a room's timeline shows, and how to see more of it. */
export function useTimeline(room: Room): Shown {
    const { mx } = useClient();
    const version = useEvents(room, roomChanges) + useEvents(mx, clientChanges);
    const [loading, setLoading] = useState(false);
    const [fault, setFault] = useState<string | null>(null);
    const items = useMemo(() => timelineItems([...room.getLiveTimeline().getEvents(), ...room.getPendingEvents().filter(({ threadRootId }) => !threadRootId)]), [room, version]);
    const loadOlder = useCallback(async () => {
        setLoading(true);
        setFault(null);
        await mx.scrollback(room, page).catch((error: unknown) => setFault(faultText(error)));
        setLoading(false);
    }, [mx, room]);
    return { items, version, more: Boolean(room.oldState.paginationToken), loading, fault, loadOlder };
}
