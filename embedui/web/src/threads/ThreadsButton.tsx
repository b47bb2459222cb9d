import { NotificationCountType, RoomEvent, ThreadEvent, type Room } from "matrix-js-sdk";
import { useEvents } from "../client/events";
import { useT } from "../i18n";
import { showThread, useShownThread } from "../message/jump";
import { Button } from "../ui/Button";

const changes = [ThreadEvent.New, ThreadEvent.Update, RoomEvent.UnreadNotifications] as const;

/** Opens the list of a room's threads; it is there where there are any. */
export function ThreadsButton({ room }: { room: Room }) {
    const t = useT();
    useEvents(room, changes);
    const shown = useShownThread() !== null;
    const threads = room.getThreads().filter(({ length }) => length > 0);
    if (!threads.length && !shown) return null;
    const unread = threads.filter(({ id }) => room.getThreadUnreadNotificationCount(id, NotificationCountType.Total) > 0).length;
    return (
        <Button aria-expanded={shown} onPress={() => showThread(room.roomId, shown ? null : "")}>
            {unread ? t("thread.openUnread", { count: unread }) : t("thread.open")}
        </Button>
    );
}
