import { NotificationCountType, type Room } from "matrix-js-sdk";
import { useClient } from "../client/context";
import { useT } from "../i18n";
import { Button } from "../ui/Button";
import type { Item } from "./items";
import { markRead } from "./receipts";
import type { Span } from "./span";
import type { View } from "./useScroll";
import type { Unread } from "./useUnread";

interface Props {
    room: Room;
    span: Span;
    items: readonly Item[];
    unread: Unread;
    view: View;
    onUnread(): void;
    onEnd(): void;
}

/** To the first message that is not read, and to the newest one, where they are not in sight. */
export function Jumps({ room, span, items, unread, view, onUnread, onEnd }: Props) {
    const t = useT();
    const { mx } = useClient();
    const me = mx.getSafeUserId();
    const line = items.findIndex(({ kind }) => kind === "unread");
    const counted = items.filter((item, i) => i > view.last && item.kind === "message" && item.sender !== me && i > line && line >= 0).length;
    const below = span.live ? counted : room.getUnreadNotificationCount(NotificationCountType.Total);
    const allRead = (): void => {
        const last = room.getLiveTimeline().getEvents().at(-1);
        unread.clear();
        if (last) void markRead(mx, room, last).catch(() => {});
    };
    return (
        <>
            {unseen(items, line, unread, view) && (
                <div className="to-unread">
                    <Button onPress={onUnread}>{t("timeline.toUnread")}</Button>
                    <Button onPress={allRead}>{t("timeline.allRead")}</Button>
                </div>
            )}
            {(!view.bottom || !span.live) && items.length > 0 && (
                <div className="to-bottom">
                    <Button onPress={onEnd}>{below > 0 ? t("timeline.fresh", { count: below }) : t("timeline.bottom")}</Button>
                </div>
            )}
        </>
    );
}

/** The line is above what is on the screen, or not loaded, and nobody has seen it. */
function unseen(items: readonly Item[], line: number, unread: Unread, view: View): boolean {
    if (unread.seen.current || !unread.after) return false;
    return line >= 0 ? line < view.first : !items.some((item) => item.kind === "message" && item.id === unread.after);
}
