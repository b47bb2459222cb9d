import { Direction, MatrixEventEvent, RelationsEvent, RoomEvent, ThreadEvent, type MatrixEvent, type Room } from "matrix-js-sdk";
import { useCallback, useEffect } from "react";
import { useClient } from "../client/context";
import { useEvents } from "../client/events";
import { useOriginal } from "../message/Quoted";
import { useAction } from "../ui/useAction";

const changes = [
    ThreadEvent.New, ThreadEvent.Update, ThreadEvent.NewReply, RoomEvent.Timeline, RoomEvent.TimelineReset, RoomEvent.LocalEchoUpdated, RoomEvent.Redaction,
    MatrixEventEvent.RelationsCreated, RelationsEvent.Add,
] as const;
const clientChanges = [MatrixEventEvent.Decrypted, MatrixEventEvent.Replaced] as const;
const page = 30; // events asked for at once

interface ShownThread {
    /** Null: it is not there for us; undefined: it is asked for. */
    root: MatrixEvent | null | undefined;
    replies: MatrixEvent[];
    /** Rises with everything that is shown. */
    version: number;
    more: boolean;
    older: { run(): void; busy: boolean; fault: string | null };
}

/** A thread's events: what the server has, and what is on its way there. */
export function useThread(room: Room, id: string): ShownThread {
    const { mx } = useClient();
    const version = useEvents(room, changes) + useEvents(mx, clientChanges);
    const root = useOriginal(room, id);
    const thread = room.getThread(id);
    useEffect(() => {
        if (root && !room.getThread(id)) room.createThread(id, root, [root], true); // where there is none yet, one's first answer begins it
    }, [room, id, root]);
    const older = useAction(
        useCallback(async () => {
            const timeline = room.getThread(id)?.liveTimeline;
            if (timeline) await mx.paginateEventTimeline(timeline, { backwards: true, limit: page });
        }, [mx, room, id]),
    );
    const pending = room.getPendingEvents().filter(({ threadRootId }) => threadRootId === id);
    const replies = [...(thread?.events ?? []), ...pending].filter((event) => event.getId() !== id);
    return { root: thread?.rootEvent ?? root, replies, version, more: Boolean(thread?.liveTimeline.getPaginationToken(Direction.Backward)), older };
}
