import { Direction, type Room } from "matrix-js-sdk";
import { useCallback, useLayoutEffect, useRef } from "react";
import { Virtualizer, type VirtualizerHandle } from "virtua";
import { useT } from "../i18n";
import { Button } from "../ui/Button";
import { Fault } from "../ui/Fault";
import type { Item } from "./items";
import { Jumps } from "./Jumps";
import { Line } from "./Line";
import { ReceiptsContext, useReceiptsVersion } from "./ReadBy";
import { useKeys } from "./useKeys";
import type { Opened, Place } from "./usePlace";
import { useReading } from "./useReading";
import { useScroll } from "./useScroll";
import { useTimeline } from "./useTimeline";
import { useUnread } from "./useUnread";

interface Props extends Pick<Opened, "show" | "showEnd"> {
    room: Room;
    place: Place;
}

/** Of the lines, those near the screen are on the page. What is at the bottom stays there; what one reads stays in its place. */
export function History({ room, place, show, showEnd }: Props) {
    const t = useT();
    const box = useRef<HTMLElement>(null);
    const list = useRef<VirtualizerHandle>(null);
    const bottom = useRef(false); // one is at the newest message
    const looking = useCallback(() => bottom.current && !document.hidden, []);
    const unread = useUnread(room, place, looking);
    const { items, lines, loading, fault, load } = useTimeline(room, place.span, unread.after);
    const shift = useShift(items);
    const scroll = useScroll({ box, list, bottom, items, lines, place, load });
    useReading({ room, items, unread, list, bottom, span: place.span, settled: scroll.settled });
    const keys = useKeys({ box, list, items, target: scroll.focused, load, showEnd: () => (place.span.live ? scroll.toEnd() : showEnd()) });
    const receipts = useReceiptsVersion(room);
    const failed = useRef(Direction.Backward);
    if (loading) failed.current = loading;

    return (
        <>
            {loading && <p className="timeline-loading">{t("timeline.loading")}</p>}
            {fault && (
                <div className="timeline-fault">
                    <Fault>{fault}</Fault>
                    <Button onPress={() => load(failed.current)}>{t("timeline.retry")}</Button>
                </div>
            )}
            <section
                ref={box} className="timeline" aria-label={t("timeline.label")} aria-describedby="timeline-keys" aria-busy={loading !== null} {...keys.region}
            >
                <ReceiptsContext value={receipts}>
                    <Virtualizer
                        ref={list} scrollRef={box} data={items} shift={shift} as="ol" item="li" keepMounted={keys.kept}
                        onScroll={scroll.look} onResize={scroll.look} onScrollEnd={scroll.ended}
                    >
                        {(item) => <Line key={item.key} item={item} room={room} hidden={lines.hidden.get(item.key)} pointed={item.key === scroll.focused?.key} />}
                    </Virtualizer>
                </ReceiptsContext>
            </section>
            <span {...keys.after} />
            <p id="timeline-keys" className="unseen">{t("timeline.keys")}</p>
            <Jumps
                room={room} span={place.span} items={items} unread={unread} view={scroll.view}
                onUnread={() => (scroll.toUnread() || (unread.after && show(unread.after, { kind: "unread" })))}
                onEnd={() => (box.current!.focus(), place.span.live ? scroll.toEnd() : showEnd())}
            />
        </>
    );
}

/** Whether lines were put before those of the last drawing, while the end stayed: the list then keeps its distance to the end. */
function useShift(items: readonly Item[]): boolean {
    const before = useRef(items);
    const [old, now] = [before.current, items];
    useLayoutEffect(() => void (before.current = items));
    return old.length > 0 && now.length > old.length && old[0]!.key !== now[0]!.key && old.at(-1)!.key === now.at(-1)!.key;
}
