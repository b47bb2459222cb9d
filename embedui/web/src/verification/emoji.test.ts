import { expect, test } from "vitest";
import { emojiName, known } from "./emoji";

test("each of the 64 images has a French name of its own", () => {
    expect(known.length).toBe(64);
    expect(new Set(known.map((name) => emojiName(name, "fr"))).size).toBe(64);
});

test("what is not known keeps the name it came with", () => {
    expect(emojiName("Dog", "en")).toBe("Dog");
    expect(emojiName("Zebra", "fr")).toBe("Zebra");
});
