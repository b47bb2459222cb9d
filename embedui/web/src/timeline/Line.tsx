import type { MatrixEvent, Room } from "matrix-js-sdk";
import { memo } from "react";
import { useT } from "../i18n";
import { Boundary } from "../ui/Boundary";
import { DayView } from "./DayView";
import type { Item } from "./items";
import { MessageView } from "./MessageView";
import { NoticeView } from "./NoticeView";
import { ReadBy } from "./ReadBy";

interface Props {
    item: Item;
    room: Room;
    /** Events that make no line and come after this one. */
    hidden: MatrixEvent[] | undefined;
    /** An address leads to it. */
    pointed: boolean;
}

/** A line of the timeline. One that can't be drawn says so, in its place. */
export const Line = memo(function Line({ item, room, hidden, pointed }: Props) {
    const t = useT();
    return (
        <div className={pointed ? "line pointed" : "line"} data-line={item.key}>
            <Boundary fallback={() => <p className="room-notice" tabIndex={-1} data-stop>{t("timeline.broken")}</p>}>
                <ItemView item={item} room={room} />
                {item.kind === "message" && !item.status && <ReadBy room={room} event={item.event} hidden={hidden} />}
            </Boundary>
        </div>
    );
});

function ItemView({ item, room }: { item: Item; room: Room }) {
    const t = useT();
    switch (item.kind) {
        case "day":
            return <DayView at={item.at} room={room} />;
        case "unread":
            return <p className="unread-line" role="separator" aria-label={t("timeline.unread")}><span>{t("timeline.unread")}</span></p>;
        case "notices":
            return <NoticeView notices={item} room={room} />;
        case "message":
            return <MessageView message={item} room={room} />;
    }
}
