import { expect, test } from "vitest";
import { clock, day, shortly } from "./dates";

const at = new Date(2026, 10, 23, 9, 5).getTime(); // a Monday
const hours = 3_600_000;

test("French dates are written as in a letter", () => {
    expect(day(at, "fr")).toBe("lundi 23 novembre 2026");
    expect(clock(at, "fr")).toBe("9 h 05");
});

test("English dates too", () => {
    expect(day(at, "en")).toBe("Monday, November 23, 2026");
    expect(clock(at, "en")).toMatch(/^9:05\sAM$/);
});

test.each([
    [0, "9 h 05"],
    [10 * hours, "hier"], // before midnight
    [3 * 24 * hours, "vendredi"],
    [30 * 24 * hours, "24 oct. 26"],
])("%i milliseconds ago is shortly %s", (ago, text) => {
    expect(shortly(at - ago, at, "fr")).toBe(text);
});
