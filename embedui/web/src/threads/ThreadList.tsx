import { ThreadEvent, type Room, type Thread } from "matrix-js-sdk";
import { useCallback, useEffect } from "react";
import { useEvents } from "../client/events";
import { useT } from "../i18n";
import { brief } from "../message/brief";
import { memberName } from "../rooms/preview";
import { bodyOf } from "../timeline/body";
import { Fault } from "../ui/Fault";
import { useAction } from "../ui/useAction";
import { Panel } from "./Panel";
import { ThreadLine } from "./ThreadSummary";

const changes = [ThreadEvent.New, ThreadEvent.Update, ThreadEvent.Delete] as const;

/** A room's threads, the last answered first. */
export function ThreadList({ room }: { room: Room }) {
    const t = useT();
    useEvents(room, changes);
    const load = useAction(
        useCallback(async () => {
            await room.createThreadsTimelineSets();
            await room.fetchRoomThreads();
        }, [room]),
    );
    useEffect(() => load.run(), [load.run]);
    const threads = room.getThreads().filter(({ length }) => length > 0).sort((a, b) => lastAt(b) - lastAt(a));
    return (
        <Panel room={room} title={t("thread.listTitle")}>
            <Fault>{load.fault}</Fault>
            <p role="status" className="quiet">{load.busy ? t("thread.loading") : threads.length ? "" : t("thread.none")}</p>
            <ol className="threads">
                {threads.map((thread) => (
                    <li key={thread.id}>
                        <Root thread={thread} room={room} />
                        <ThreadLine thread={thread} room={room} />
                    </li>
                ))}
            </ol>
        </Panel>
    );
}

function Root({ thread: { rootEvent }, room }: { thread: Thread; room: Room }) {
    const body = rootEvent && bodyOf(rootEvent);
    if (!body) return null;
    return <p><b><bdi>{memberName(room, rootEvent.getSender()!)}</bdi></b> <span dir="auto">{brief(body)}</span></p>;
}

function lastAt(thread: Thread): number {
    return thread.replyToEvent?.getTs() ?? thread.rootEvent?.getTs() ?? 0;
}
