import { expect, test } from "vitest";
import { initials } from "./Avatar";

test.each([
    ["Conseil municipal", "CM"],
    ["Salle des fêtes", "SF"],
    ["École et cantine", "ÉC"],
    ["paul.durand", "PD"],
    ["Le maire", "M"],
    ["Jo", "J"],
    ["👍", ""],
])("%s: %s", (name, expected) => {
    expect(initials(name)).toBe(expected);
});
