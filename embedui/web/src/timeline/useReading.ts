import type { MatrixEvent, Room } from "matrix-js-sdk";
import { useCallback, useEffect, type RefObject } from "react";
import type { VirtualizerHandle } from "virtua";
import { useClient } from "../client/context";
import type { Item } from "./items";
import { markRead } from "./receipts";
import type { Span } from "./span";
import type { Unread } from "./useUnread";

interface Options {
    room: Room;
    span: Span;
    items: readonly Item[];
    unread: Unread;
    list: RefObject<VirtualizerHandle | null>;
    bottom: RefObject<boolean>;
    settled: number;
}

/** Tells the server what was read: up to the last line on the screen, of a page in front, once the first unread line was seen. */
export function useReading({ room, span, items, unread, list, bottom, settled }: Options): void {
    const { mx } = useClient();
    const tell = useCallback(() => {
        if (document.hidden || !list.current || !items.length) return;
        const { scrollOffset, viewportSize } = list.current;
        const last = list.current.findItemIndex(scrollOffset + viewportSize - 1);
        const line = items.findIndex(({ kind }) => kind === "unread");
        const looked = line < 0 || (line <= last && line >= list.current.findItemIndex(scrollOffset));
        if (looked) unread.seen.current = true;
        if (!unread.seen.current) return;
        const event = bottom.current ? span.events().findLast(({ status }) => !status) : lastMessage(items, last);
        if (event) void markRead(mx, room, event).catch(() => {}); // told again with what is read next
    }, [mx, room, span, items, unread.seen, list, bottom]);
    useEffect(tell, [tell, settled]);
    useEffect(() => {
        document.addEventListener("visibilitychange", tell);
        return () => document.removeEventListener("visibilitychange", tell);
    }, [tell]);
}

function lastMessage(items: readonly Item[], from: number): MatrixEvent | undefined {
    for (let i = Math.min(from, items.length - 1); i >= 0; i--) {
        const item = items[i]!;
        if (item.kind === "message" && !item.status) return item.event;
    }
    return undefined;
}
