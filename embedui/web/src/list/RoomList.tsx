import { useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState, type KeyboardEvent } from "react";
import { Virtualizer, type VirtualizerHandle } from "virtua";
import { useRoute } from "../app/route";
import { useT } from "../i18n";
import { target, TypeAhead } from "./keys";
import type { RoomLine } from "./line";
import { RoomRow } from "./RoomRow";
import { listItems, type ListItem } from "./sections";

interface Props {
    lines: readonly RoomLine[];
    /** The rooms of the service that is chosen; null: all. */
    only: ReadonlySet<string> | null;
}

/** Conversations and salons under their headings: only what is seen is drawn. One stop of the Tab key; arrows, Home, End and first letters lead on. */
export function RoomList({ lines, only }: Props) {
    const t = useT();
    const items = useMemo(() => listItems(lines, only), [lines, only]);
    const route = useRoute();
    const current = route.page === "room" ? route.id : null;
    const { stop, keyDown, scroller, virtual, onFocus } = useOneStop(items, current);
    const draw = useCallback(
        (item: ListItem, index: number) => <Item key={item.key} item={item} current={item.key === current} stop={index === stop} title={item.kind === "heading" ? t(`list.${item.section}`) : ""} />,
        [current, stop, t],
    );
    return (
        <div className="rooms" ref={scroller} onKeyDown={keyDown} onFocus={onFocus}>
            <Virtualizer ref={virtual} scrollRef={scroller} data={items} as="ul" item="li" keepMounted={stop < 0 ? [] : [stop]}>
                {draw}
            </Virtualizer>
        </div>
    );
}

function Item({ item, current, stop, title }: { item: ListItem; current: boolean; stop: boolean; title: string }) {
    if (item.kind === "heading") return <h2>{title}</h2>;
    return <RoomRow line={item.line} position={item.position} of={item.of} current={current} stop={stop} />;
}

/** Which room Tab leads to, and how the keys lead on from it. The room under the focus is always drawn. */
function useOneStop(items: ListItem[], current: string | null) {
    const [active, setActive] = useState<string | null>(null);
    const scroller = useRef<HTMLDivElement>(null);
    const virtual = useRef<VirtualizerHandle>(null);
    const wanted = useRef<string | null>(null);
    const typed = useRef(new TypeAhead());
    const index = (key: string | null): number => items.findIndex((item) => item.kind === "room" && item.key === key);
    const stop = [index(active), index(current), items.findIndex((item) => item.kind === "room")].find((i) => i >= 0) ?? -1;

    const lead = (to: number): void => {
        wanted.current = items[to]!.key;
        setActive(items[to]!.key);
        virtual.current?.scrollToIndex(to <= 1 ? 0 : to, { align: "nearest" });
        focusRoom(scroller.current!, items[to]!.key);
    };
    useLayoutEffect(() => {
        if (wanted.current && focusRoom(scroller.current!, wanted.current)) wanted.current = null;
    });
    useKeptFocus(scroller, items, stop);

    const keyDown = (event: KeyboardEvent): void => {
        if (event.ctrlKey || event.metaKey || event.altKey) return;
        const letter = event.key.length === 1 && (event.key !== " " || typed.current.going(event.timeStamp));
        const to = letter ? typed.current.find(items, stop, event.key, event.timeStamp) : target(items, stop, event.key);
        if (to === null) return;
        event.preventDefault();
        lead(to);
    };
    const onFocus = (event: { target: Element }): void => {
        const id = (event.target as HTMLElement).dataset.room;
        if (id && id !== active) setActive(id);
    };
    return { stop, keyDown, scroller, virtual, onFocus };
}

function focusRoom(scroller: HTMLElement, id: string): boolean {
    const row = scroller.querySelector<HTMLElement>(`[data-room="${CSS.escape(id)}"]`);
    row?.focus({ preventScroll: true });
    return row !== null;
}

/** When the room under the focus leaves the list, the one in its place takes the focus. */
function useKeptFocus(scroller: { current: HTMLElement | null }, items: ListItem[], stop: number): void {
    const inside = useRef(false);
    useEffect(() => {
        if (inside.current && document.activeElement === document.body && stop >= 0) focusRoom(scroller.current!, items[stop]!.key);
        inside.current = scroller.current!.contains(document.activeElement);
    });
}
