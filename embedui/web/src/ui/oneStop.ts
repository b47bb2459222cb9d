import { useEffect, useLayoutEffect, useRef, useState, type KeyboardEvent, type RefObject } from "react";
import type { VirtualizerHandle } from "virtua";
import { target, TypeAhead, type Stop } from "./keys";

/**
 * Makes a virtual list one stop of the Tab key: `stop` is the line that Tab leads to (at first the `current` one), keys lead on from it. The line's
 * focusable element says its key in data-stop; `scrolls` is what the list scrolls in where that is not its own frame; the line at `stop` must always be drawn (virtua: keepMounted).
 */
export function useOneStop(items: readonly Stop[], current: string | null = null, scrolls: RefObject<HTMLElement | null> | null = null) {
    const [active, setActive] = useState<string | null>(null);
    const own = useRef<HTMLDivElement>(null);
    const scroller = scrolls ?? own;
    const virtual = useRef<VirtualizerHandle>(null);
    const wanted = useRef<string | null>(null);
    const typed = useRef(new TypeAhead());
    const index = (key: string | null): number => items.findIndex((item) => item.label !== null && item.key === key);
    const stop = [index(active), index(current), items.findIndex((item) => item.label !== null)].find((i) => i >= 0) ?? -1;

    const lead = (to: number): void => {
        wanted.current = items[to]!.key;
        setActive(items[to]!.key);
        virtual.current?.scrollToIndex(to <= 1 && !scrolls ? 0 : to, { align: "nearest" });
        focusLine(scroller.current!, items[to]!.key);
    };
    useLayoutEffect(() => {
        if (wanted.current && focusLine(scroller.current!, wanted.current)) wanted.current = null;
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
        const id = (event.target as HTMLElement).dataset.stop;
        if (id && id !== active) setActive(id);
    };
    return { stop, keyDown, scroller: own, virtual, onFocus };
}

function focusLine(scroller: HTMLElement, id: string): boolean {
    const row = scroller.querySelector<HTMLElement>(`[data-stop="${CSS.escape(id)}"]`);
    row?.focus({ preventScroll: true });
    return row !== null;
}

/** When the line under the focus leaves the list, the one in its place takes the focus. */
function useKeptFocus(scroller: { current: HTMLElement | null }, items: readonly Stop[], stop: number): void {
    const inside = useRef(false);
    useEffect(() => {
        if (inside.current && document.activeElement === document.body && stop >= 0) focusLine(scroller.current!, items[stop]!.key);
        inside.current = scroller.current!.contains(document.activeElement);
    });
}
