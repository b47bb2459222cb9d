import { RoomEvent, type MatrixEvent, type Room } from "matrix-js-sdk";
import { useCallback, useEffect, useRef, useState, type RefObject } from "react";
import { useClient } from "../client/context";
import type { Place } from "./usePlace";

export interface Unread {
    /** The last event that was read: the line "new messages" is behind it. */
    after: string | null;
    /** Whether the line was on the screen: only then is what comes after it read. */
    seen: RefObject<boolean>;
    /** All there is counts as read. */
    clear(): void;
}

interface HeardEvent {
    liveEvent?: boolean;
}

/** Keeps the line "new messages" before what came while nobody looked; `looking` tells whether somebody does. */
export function useUnread(room: Room, { read, span }: Place, looking: () => boolean): Unread {
    const { mx } = useClient();
    const [after, setAfter] = useState(read);
    const seen = useRef(false);
    const clear = useCallback(() => {
        seen.current = true;
        setAfter(null);
    }, []);
    useEffect(() => {
        const put = (id: string | undefined): void => {
            if (!seen.current || !id) return;
            seen.current = false;
            setAfter(id);
        };
        const hear = (event: MatrixEvent, _room: Room | undefined, toStart: boolean | undefined, _removed: boolean, data: HeardEvent): void => {
            if (toStart || !data.liveEvent) return;
            if (event.getSender() === mx.getUserId()) clear();
            else if (!looking()) put(room.getLiveTimeline().getEvents().at(-2)?.getId());
        };
        const reset = (): void => put(span.events().findLast((event) => !event.status)?.getId());
        room.on(RoomEvent.Timeline, hear);
        room.on(RoomEvent.TimelineReset, reset);
        return () => {
            room.off(RoomEvent.Timeline, hear);
            room.off(RoomEvent.TimelineReset, reset);
        };
    }, [mx, room, span, looking, clear]);
    return { after, seen, clear };
}
