import { expect, test } from "vitest";
import { askedGroups, groups, matches } from "./code";

test("the code is read in groups", () => {
    expect(groups(" EsTg fKXH  37EJ\n")).toEqual(["EsTg", "fKXH", "37EJ"]);
});

test("two different groups are asked, in order, never the first, whatever chance says", () => {
    for (const chance of [0, 0.3, 0.5, 0.999999]) {
        for (const count of [3, 12]) {
            const [first, second] = askedGroups(count, () => chance);
            expect(first).toBeGreaterThan(0);
            expect(second).toBeGreaterThan(first);
            expect(second).toBeLessThan(count);
        }
    }
});

test.each([
    ["fKXH", true],
    [" fK XH ", true],
    ["fkxh", false],
    ["fKX", false],
    ["", false],
])("%j for fKXH: %s", (typed, right) => {
    expect(matches(typed, "fKXH")).toBe(right);
});
