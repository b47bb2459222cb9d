import type { Room } from "matrix-js-sdk";
import { useEffect, useLayoutEffect, useRef, useState } from "react";
import { useClient } from "../client/context";
import { day } from "../i18n/dates";
import { useT } from "../i18n";
import { Button } from "../ui/Button";
import { Fault } from "../ui/Fault";
import type { Item } from "./items";
import { MessageView } from "./MessageView";
import { NoticeView } from "./NoticeView";
import { useTimeline } from "./useTimeline";

const near = 80; // pixels from the bottom that count as being there

/** A room's messages. It stays at the bottom when one is there, and on the message one reads when older ones come in above. */
export function Timeline({ room }: { room: Room }) {
    const t = useT();
    const { items, version, more, loading, fault, loadOlder } = useTimeline(room);
    const scroller = useRef<HTMLDivElement>(null);
    const fromBottom = useRef(0); // of what was on the screen before the drawing
    const [atBottom, setAtBottom] = useState(true);
    const first = items.find((item) => item.kind !== "day")?.key;
    const last = items.at(-1)?.key;
    const firstBefore = useRef(first);

    useLayoutEffect(() => {
        const box = scroller.current!;
        if (atBottom) box.scrollTop = box.scrollHeight;
        else if (first !== firstBefore.current) box.scrollTop = box.scrollHeight - fromBottom.current;
        firstBefore.current = first;
        fromBottom.current = box.scrollHeight - box.scrollTop;
    }, [items, version, atBottom, first]);
    useReceipts(room, atBottom, last);
    useEffect(() => {
        const box = scroller.current!;
        if (more && !loading && !fault && box.scrollHeight <= box.clientHeight) void loadOlder(); // nothing to scroll yet
    });

    const scrolled = (): void => {
        const box = scroller.current!;
        fromBottom.current = box.scrollHeight - box.scrollTop;
        setAtBottom(fromBottom.current - box.clientHeight < near);
        if (box.scrollTop < near && more && !loading && !fault) void loadOlder();
    };
    const toBottom = (): void => {
        scroller.current!.scrollTop = scroller.current!.scrollHeight;
        scroller.current!.focus();
    };
    return (
        <div className="timeline-frame">
            <section className="timeline" aria-label={t("timeline.label")} tabIndex={0} ref={scroller} onScroll={scrolled}>
                {more && (
                    <Button isDisabled={loading} onPress={() => void loadOlder()}>
                        {t(loading ? "timeline.loading" : "timeline.older")}
                    </Button>
                )}
                <Fault>{fault}</Fault>
                <ol>
                    {items.map((item) => (
                        <ItemView key={item.key} item={item} room={room} version={version} />
                    ))}
                </ol>
            </section>
            {!atBottom && (
                <div className="to-bottom">
                    <Button onPress={toBottom}>{t("timeline.bottom")}</Button>
                </div>
            )}
        </div>
    );
}

function ItemView({ item, room, version }: { item: Item; room: Room; version: number }) {
    switch (item.kind) {
        case "day":
            return (
                <li className="day">
                    <h2>{day(item.at)}</h2>
                </li>
            );
        case "notice":
            return <NoticeView notice={item.notice} room={room} />;
        case "message":
            return <li><MessageView message={item} room={room} version={version} /></li>;
    }
}

/** Tells the server what was read: the last message, when one is at the bottom of the page in front. */
function useReceipts(room: Room, atBottom: boolean, last: string | undefined): void {
    const { mx } = useClient();
    useEffect(() => {
        const send = (): void => {
            const event = room.getLiveTimeline().getEvents().at(-1);
            if (!atBottom || document.hidden || !event || room.hasUserReadEvent(mx.getSafeUserId(), event.getId()!)) return;
            void mx.sendReadReceipt(event).catch(() => {}); // sent with the next message that is read
        };
        send();
        document.addEventListener("visibilitychange", send);
        return () => document.removeEventListener("visibilitychange", send);
    }, [mx, room, atBottom, last]);
}
