import { fold } from "./fold";

/** One line of a list. Without a label it is none to stop at, a heading for instance. */
export interface Stop {
    readonly key: string;
    readonly label: string | null;
}

const patience = 800; // milliseconds after which what was typed is forgotten

/** Where a key leads from an item; null: the key is not for the list. Headings are passed over. */
export function target(items: readonly Stop[], from: number, key: string, page = 8): number | null {
    const stops = items.flatMap((item, i) => (item.label !== null ? [i] : []));
    if (!stops.length) return null;
    const at = Math.max(0, stops.findIndex((i) => i >= from));
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, PageDown: at + page, PageUp: at - page, Home: 0, End: stops.length - 1 }[key];
    return to === undefined ? null : stops[Math.min(Math.max(to, 0), stops.length - 1)]!;
}

/** Finds the line whose label begins with what is typed, from where one is on and round. */
export class TypeAhead {
    private typed = "";
    private at = -Infinity;

    /** Somebody is in the middle of a name: then a space belongs to it. */
    going(now: number): boolean {
        return now - this.at <= patience;
    }

    /** Takes a key; null: nothing begins so. */
    find(items: readonly Stop[], from: number, key: string, now: number): number | null {
        this.typed = this.going(now) ? this.typed + key : key;
        this.at = now;
        const letters = [...this.typed];
        const same = letters.every((letter) => letter === letters[0]); // "sss": the next one with s each time
        const wanted = fold(same ? letters[0]! : this.typed);
        const start = same ? from + 1 : from;
        for (let i = 0; i < items.length; i++) {
            const index = (start + i) % items.length;
            const item = items[index]!;
            if (item.label !== null && fold(item.label).startsWith(wanted)) return index;
        }
        return null;
    }
}
