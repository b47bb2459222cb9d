import { expect, test } from "vitest";
import { target, TypeAhead } from "../ui/keys";
import type { RoomLine } from "./line";
import { listItems, roomsWithin } from "./sections";

function line(name: string, over: Partial<RoomLine> = {}): RoomLine {
    return {
        id: name, name, kind: "salon", membership: "join", shelf: "plain", muted: false, preview: null, at: 0, unread: 0, mentions: 0, by: "",
        avatar: null, children: "", ...over,
    };
}

const lines = [
    line("Élus"), line("Paul", { kind: "conversation" }), line("École", { shelf: "favourite" }), line("Vœux", { shelf: "low" }), line("Voirie"),
    line("Finances", { membership: "knock" }),
];
const items = listItems(lines);

test("rooms stand under their headings, and know their place there", () => {
    expect(items.map((item) => (item.kind === "heading" ? `# ${item.section}` : `${item.line.name} ${item.position}/${item.of}`))).toEqual([
        "# favourites", "École 1/1", "# conversations", "Paul 1/1", "# salons", "Élus 1/2", "Voirie 2/2", "# low", "Vœux 1/1", "# knocks", "Finances 1/1",
    ]);
});

test("a service shows its own rooms only, and no heading without rooms", () => {
    expect(listItems(lines, new Set(["Voirie"])).map((item) => item.key)).toEqual(["salons", "Voirie"]);
});

test("a space has what its spaces have, also when they are in each other", () => {
    const spaces = [line("Mairie", { kind: "space", children: "a Écoles" }), line("Écoles", { kind: "space", children: "b Mairie" })];
    expect([...roomsWithin(spaces, "Mairie")].sort()).toEqual(["Mairie", "a", "b", "Écoles"]);
    expect(roomsWithin(spaces, "nowhere").size).toBe(0);
});

test.each([
    [1, "ArrowDown", 3], // over the heading
    [3, "ArrowUp", 1],
    [1, "ArrowUp", 1],
    [10, "ArrowDown", 10],
    [5, "Home", 1],
    [1, "End", 10],
    [1, "PageDown", 10],
    [0, "ArrowDown", 3],
    [1, "Enter", null],
    [1, "Tab", null],
])("from %i, %s leads to %s", (from, key, to) => {
    expect(target(items, from, key)).toBe(to);
});

test("an empty list leads nowhere", () => {
    expect(target([], -1, "Home")).toBeNull();
});

test("what is typed finds the room that begins so; the same letter again finds the next", () => {
    const typed = new TypeAhead();
    expect(typed.find(items, 1, "v", 0)).toBe(6); // Voirie
    expect(typed.find(items, 6, "v", 100)).toBe(8); // Vœux
    expect(typed.find(items, 8, "e", 2000)).toBe(1); // École, round and without its accent
    expect([typed.going(2100), typed.going(9000)]).toEqual([true, false]);
    expect(typed.find(items, 1, "l", 2100)).toBe(5); // "el": Élus
    expect(typed.find(items, 5, "x", 2200)).toBeNull();
});
