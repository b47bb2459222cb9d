import { Direction } from "matrix-js-sdk";
import { useCallback, useEffect, useLayoutEffect, useRef, useState, type RefObject } from "react";
import type { VirtualizerHandle } from "virtua";
import type { Item } from "./items";
import type { Lines } from "./lines";
import type { Place } from "./usePlace";

const near = 60; // pixels from the bottom that count as being there
const ahead = 2; // screens before an end at which more is loaded
const above = 72; // pixels of what was read before that are shown over the line "new messages"

/** What is on the screen: indices of the first and the last line, and whether one is at the newest message. */
export interface View {
    first: number;
    last: number;
    bottom: boolean;
}

/** The line that gets the focus; another object each time. */
export interface Focused {
    key: string;
}

interface Options {
    box: RefObject<HTMLElement | null>;
    list: RefObject<VirtualizerHandle | null>;
    bottom: RefObject<boolean>;
    items: readonly Item[];
    lines: Lines;
    place: Place;
    load(side: Direction): void;
}

interface Scroll {
    view: View;
    focused: Focused | null;
    /** Rises when the scrolling comes to rest. */
    settled: number;
    /** The screen has changed. */
    look(): void;
    ended(): void;
    toEnd(): void;
    /** False: the line is not loaded. */
    toUnread(): boolean;
}

/** Goes to where one wants to be, and stays at the bottom when one is there. */
export function useScroll({ box, list, bottom, items, lines, place, load }: Options): Scroll {
    const [view, setView] = useState<View>({ first: 0, last: 0, bottom: true });
    const [focused, setFocused] = useState<Focused | null>(null);
    const [settled, setSettled] = useState(0);
    const [top, now] = [useRef(0), useRef({ items, place, load })];
    useLayoutEffect(() => void (now.current = { items, place, load }));

    const look = useCallback(() => {
        const { scrollOffset, viewportSize, scrollSize } = list.current!;
        const { items, place, load } = now.current;
        const below = scrollSize - scrollOffset - viewportSize;
        if (below < near && place.span.live) bottom.current = true;
        else if (scrollOffset < top.current - 1 || !place.span.live) bottom.current = false;
        top.current = scrollOffset;
        const seen = { first: list.current!.findItemIndex(scrollOffset), last: Math.min(list.current!.findItemIndex(scrollOffset + viewportSize - 1), items.length - 1), bottom: bottom.current };
        setView((old) => (old.first === seen.first && old.last === seen.last && old.bottom === seen.bottom ? old : seen));
        if (scrollOffset < ahead * viewportSize) load(Direction.Backward);
        if (below < ahead * viewportSize) load(Direction.Forward);
    }, [list, bottom]);
    const toEnd = useCallback(() => {
        bottom.current = true;
        list.current!.scrollToIndex(now.current.items.length - 1, { align: "end" });
    }, [list, bottom]);
    const toUnread = useCallback(() => {
        const index = now.current.items.findIndex(({ kind }) => kind === "unread");
        if (index < 0) return false;
        bottom.current = false;
        list.current!.scrollToIndex(index, { align: "start", offset: -above });
        return true;
    }, [list, bottom]);

    useLayoutEffect(() => {
        const { target } = place;
        if (target.kind === "end" || (target.kind === "unread" && !toUnread())) return toEnd();
        if (target.kind !== "event") return;
        const index = indexOf(now.current.items, lines, target.id);
        bottom.current = false;
        list.current!.scrollToIndex(index, { align: "center" });
        setFocused({ key: now.current.items[index]?.key ?? "" });
    }, [place, lines, list, bottom, toEnd, toUnread]);
    useLayoutEffect(look, [items, look]);
    useEffect(() => keepBottom(box.current!, bottom), [box, bottom]);

    return { view, focused, settled, look, ended: useCallback(() => setSettled((n) => n + 1), []), toEnd, toUnread };
}

/** The line of an event, or the one that it belongs to, or what comes last. */
function indexOf(items: readonly Item[], lines: Lines, id: string): number {
    const own = items.findIndex((item) => item.kind === "message" && item.id === id);
    if (own >= 0) return own;
    const within = items.findIndex((item) => item.key === id || lines.hidden.get(item.key)?.some((event) => event.getId() === id));
    return within >= 0 ? within : items.length - 1;
}

/** Images that come in, a window that gets smaller: the newest message stays in sight. */
function keepBottom(box: HTMLElement, bottom: RefObject<boolean>): () => void {
    const watch = new ResizeObserver(() => {
        if (bottom.current) box.scrollTop = box.scrollHeight;
    });
    watch.observe(box);
    watch.observe(box.firstElementChild!);
    return () => watch.disconnect();
}
