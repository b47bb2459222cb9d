import { fold } from "../ui/fold";
import type { ListItem } from "./sections";

const patience = 800; // milliseconds after which what was typed is forgotten

/** Where a key leads from an item; null: the key is not for the list. Headings are passed over. */
export function target(items: readonly ListItem[], from: number, key: string, page = 8): number | null {
    const rooms = items.flatMap((item, i) => (item.kind === "room" ? [i] : []));
    if (!rooms.length) return null;
    const at = Math.max(0, rooms.findIndex((i) => i >= from));
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, PageDown: at + page, PageUp: at - page, Home: 0, End: rooms.length - 1 }[key];
    return to === undefined ? null : rooms[Math.min(Math.max(to, 0), rooms.length - 1)]!;
}

/** Finds the room whose name begins with what is typed, from where one is on and round. */
export class TypeAhead {
    private typed = "";
    private at = -Infinity;

    /** Somebody is in the middle of a name: then a space belongs to it. */
    going(now: number): boolean {
        return now - this.at <= patience;
    }

    /** Takes a key; null: nothing begins so. */
    find(items: readonly ListItem[], from: number, key: string, now: number): number | null {
        this.typed = this.going(now) ? this.typed + key : key;
        this.at = now;
        const letters = [...this.typed];
        const same = letters.every((letter) => letter === letters[0]); // "sss": the next one with s each time
        const wanted = fold(same ? letters[0]! : this.typed);
        const start = same ? from + 1 : from;
        for (let i = 0; i < items.length; i++) {
            const index = (start + i) % items.length;
            const item = items[index]!;
            if (item.kind === "room" && fold(item.line.name).startsWith(wanted)) return index;
        }
        return null;
    }
}
