import type { RoomLine } from "./line";

export type Section = "favourites" | "conversations" | "salons" | "low" | "knocks";

/** One line of the list: a heading, or a room that says the how manieth of its section it is. */
export type ListItem =
    | { readonly kind: "heading"; readonly key: string; readonly label: null; readonly section: Section }
    | { readonly kind: "room"; readonly key: string; readonly label: string; readonly line: RoomLine; readonly position: number; readonly of: number };

const order: readonly Section[] = ["favourites", "conversations", "salons", "low", "knocks"];

/** Puts rooms under their headings; headings without rooms are left out. `only` are the rooms of a service; null: all. */
export function listItems(lines: readonly RoomLine[], only: ReadonlySet<string> | null = null): ListItem[] {
    const shown = only ? lines.filter((line) => only.has(line.id)) : lines;
    return order.flatMap((section): ListItem[] => {
        const rooms = shown.filter((line) => sectionOf(line) === section);
        if (!rooms.length) return [];
        const items = rooms.map((line, i): ListItem => ({ kind: "room", key: line.id, label: line.name, line, position: i + 1, of: rooms.length }));
        return [{ kind: "heading", key: section, label: null, section }, ...items];
    });
}

function sectionOf(line: RoomLine): Section {
    if (line.membership === "knock") return "knocks";
    if (line.shelf === "favourite") return "favourites";
    if (line.shelf === "low") return "low";
    return line.kind === "conversation" ? "conversations" : "salons";
}

/** Everything in a space, and in the spaces in it, as far as the account is in those. */
export function roomsWithin(spaces: readonly RoomLine[], id: string, seen = new Set<string>()): Set<string> {
    const space = spaces.find((one) => one.id === id);
    for (const child of space?.children.split(" ") ?? []) {
        if (!child || seen.has(child)) continue;
        seen.add(child);
        roomsWithin(spaces, child, seen);
    }
    return seen;
}
