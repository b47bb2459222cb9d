import { Direction } from "matrix-js-sdk";
import { useEffect, useLayoutEffect, useMemo, useRef, useState, type FocusEvent, type KeyboardEvent, type RefObject } from "react";
import type { VirtualizerHandle } from "virtua";
import type { Item } from "./items";
import type { Focused } from "./useScroll";

interface Options {
    box: RefObject<HTMLElement | null>;
    list: RefObject<VirtualizerHandle | null>;
    items: readonly Item[];
    /** What is to get the focus from outside. */
    target: Focused | null;
    load(side: Direction): void;
    showEnd(): void;
}

interface Keys {
    /** Lines that stay on the page wherever one scrolls: the one with the focus. */
    kept: number[];
    region: { tabIndex: number; onFocus(event: FocusEvent<HTMLElement>): void; onBlur(event: FocusEvent<HTMLElement>): void; onKeyDown(event: KeyboardEvent<HTMLElement>): void };
    after: { ref: RefObject<HTMLSpanElement | null>; tabIndex: number; onFocus(): void };
}

const inner = "a[href], button:not(:disabled), summary, [tabindex='0']";

/**
 * One Tab stop for all messages: inside, arrows go from line to line, Tab to what a message holds and then out. What has the focus
 * is an element with `data-stop`; Enter presses the `data-actions` of its line.
 */
export function useKeys({ box, list, items, target, load, showEnd }: Options): Keys {
    const [current, setCurrent] = useState<string | null>(null); // key of the line that has the focus, or had it last
    const [inside, setInside] = useState(false);
    const [wanted, setWanted] = useState<Focused | null>(null);
    const after = useRef<HTMLSpanElement>(null);
    const leaving = useRef(false);
    const following = useRef<string>(undefined);
    const index = useMemo(() => (current === null ? -1 : items.findIndex(({ key }) => key === current)), [items, current]);

    useLayoutEffect(() => void (target && focusLine(target.key)), [target]);
    useLayoutEffect(() => (wanted ? focusSoon(box.current!, wanted.key) : undefined), [wanted, box]);
    useEffect(() => {
        if (index >= 0) following.current = items[index + 1]?.key;
        if (!inside || document.activeElement !== document.body || index >= 0) return;
        if (items.some(({ key }) => key === following.current)) focusLine(following.current!); // its line is gone: a day begins elsewhere when older messages come
        else box.current!.focus();
    });

    function focusLine(key: string): void {
        setCurrent(key);
        setInside(true); // the line is kept, so it is there when it gets the focus
        setWanted({ key });
    }
    function goTo(i: number, by: 1 | -1): void {
        let to = Math.max(0, Math.min(i, items.length - 1));
        while (items[to]?.kind === "unread") to += by;
        const item = items[to];
        if (!item) return;
        focusLine(item.key);
        list.current!.scrollToIndex(to, { align: "nearest" });
    }
    /** Into the region: to the line that had the focus, if it is in sight, or else to the last one in sight. */
    function enter(): void {
        const { scrollOffset, viewportSize } = list.current!;
        const [first, last] = [list.current!.findItemIndex(scrollOffset + 8), list.current!.findItemIndex(scrollOffset + viewportSize - 8)];
        goTo(index >= first && index <= last ? index : last, -1);
    }
    /** Out of the region: the browser goes on from its edge. */
    function leave(edge: HTMLElement | null): void {
        leaving.current = true;
        edge?.focus({ preventScroll: true });
        leaving.current = false;
    }
    function tab(event: KeyboardEvent): void {
        const stop = stopOf(box.current!, current ?? "");
        const parts = [...(stop?.closest("[data-line]")?.querySelectorAll<HTMLElement>(inner) ?? [])].filter((part) => part !== stop && part.checkVisibility());
        const at = parts.indexOf(event.target as HTMLElement);
        const next = event.shiftKey ? at - 1 : at + 1;
        if (event.shiftKey && at < 0) return leave(box.current);
        if (!event.shiftKey && next >= parts.length) return leave(after.current);
        event.preventDefault();
        (next < 0 ? stop : parts[next])?.focus();
    }
    function key(event: KeyboardEvent<HTMLElement>): void {
        if (!box.current!.contains(event.target as Node)) return; // in a dialogue that a line has opened
        if (event.defaultPrevented || event.ctrlKey || event.altKey || event.metaKey) return;
        if (event.key === "Tab") return tab(event);
        if (event.shiftKey || !(event.target as HTMLElement).hasAttribute("data-stop")) return;
        const moves: Record<string, () => void> = {
            ArrowDown: () => goTo(index + 1, 1),
            ArrowUp: () => (index === 0 ? load(Direction.Backward) : goTo(index - 1, -1)),
            PageDown: () => goTo(Math.max(index + 1, list.current!.findItemIndex(list.current!.getItemOffset(index) + list.current!.viewportSize)), 1),
            PageUp: () => goTo(Math.min(index - 1, list.current!.findItemIndex(list.current!.getItemOffset(index) - list.current!.viewportSize)), -1),
            Home: () => goTo(items[0]?.kind === "day" ? 1 : 0, 1),
            End: () => (showEnd(), goTo(items.length - 1, -1)),
        };
        const act = event.key === "Enter" ? actions(event.target as HTMLElement) : moves[event.key];
        if (!act) return;
        event.preventDefault();
        act();
    }

    return {
        kept: inside && index >= 0 ? [index] : [],
        region: {
            tabIndex: inside ? -1 : 0,
            onFocus: (event) => {
                if (!box.current!.contains(event.target)) return;
                setInside(true);
                if (event.target === box.current) return void (leaving.current || enter());
                const line = event.target.closest<HTMLElement>("[data-line]");
                if (line) setCurrent(line.dataset.line!);
            },
            onBlur: (event) => {
                if (event.relatedTarget && !box.current!.contains(event.relatedTarget)) setInside(false);
            },
            onKeyDown: key,
        },
        after: { ref: after, tabIndex: inside ? -1 : 0, onFocus: () => void (leaving.current || enter()) },
    };
}

/** A line that was not on the page is hidden until it is measured, and takes no focus before. */
function focusSoon(box: HTMLElement, key: string): () => void {
    let [frame, left] = [0, 30];
    const attempt = (): void => {
        const stop = stopOf(box, key);
        stop?.focus({ preventScroll: true });
        if (document.activeElement !== stop && left-- > 0) frame = requestAnimationFrame(attempt);
    };
    attempt();
    return () => cancelAnimationFrame(frame);
}

function stopOf(box: HTMLElement, key: string): HTMLElement | null {
    return box.querySelector<HTMLElement>(`[data-line="${CSS.escape(key)}"] [data-stop]`);
}

/** What Enter does on a line: a button is pressed by the browser itself. */
function actions(stop: HTMLElement): (() => void) | null {
    const button = stop.closest("[data-line]")?.querySelector<HTMLElement>("[data-actions]");
    return button && stop.localName !== "button" ? () => button.click() : null;
}
