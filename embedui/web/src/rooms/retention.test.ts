import { expect, test } from "vitest";
import { keptDays } from "./retention";

test("messages are kept for days, one at least, and for ever where nothing sensible is said", () => {
    const day = 86_400_000;
    expect([30 * day, 1, 1.5 * day - 1, 0, -1, "30", null, undefined].map((max_lifetime) => keptDays({ max_lifetime }))).toEqual([30, 1, 1, null, null, null, null, null]);
    expect(keptDays(undefined)).toBeNull();
});
