import { NotificationCountType, RoomEvent, ThreadEvent, type Room, type Thread } from "matrix-js-sdk";
import { use } from "react";
import { useEvents } from "../client/events";
import { useT } from "../i18n";
import { shortly } from "../i18n/dates";
import { brief } from "../message/brief";
import { showThread } from "../message/jump";
import { memberName } from "../rooms/preview";
import { bodyOf } from "../timeline/body";
import type { Message } from "../timeline/items";
import { ThreadContext } from "./context";

const changes = [ThreadEvent.New, ThreadEvent.Update, ThreadEvent.Delete, ThreadEvent.NewReply, RoomEvent.UnreadNotifications] as const;

/** How many answers a message has in a thread, and the last one; it leads there. */
export function ThreadSummary({ message, room }: { message: Message; room: Room }) {
    useEvents(room, changes);
    const thread = room.getThread(message.id);
    const inside = use(ThreadContext);
    if (!thread?.length || inside) return null;
    return <ThreadLine thread={thread} room={room} />;
}

/** A thread in one line. */
export function ThreadLine({ thread, room }: { thread: Thread; room: Room }) {
    const t = useT();
    const unread = room.getThreadUnreadNotificationCount(thread.id, NotificationCountType.Total);
    const last = thread.replyToEvent;
    const body = last && bodyOf(last);
    return (
        <button type="button" className={unread ? "thread-line new" : "thread-line"} onClick={() => showThread(room.roomId, thread.id)}>
            <b>{t("thread.answers", { count: thread.length })}</b>
            {unread > 0 && <span className="count">{t("thread.unread", { count: unread })}</span>}
            {body && (
                <span className="last">
                    <bdi>{memberName(room, last.getSender()!)}</bdi> <span dir="auto">{brief(body)}</span> <span className="quiet">{shortly(last.getTs())}</span>
                </span>
            )}
        </button>
    );
}
