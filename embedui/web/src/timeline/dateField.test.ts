import { expect, test } from "vitest";
import { dateField, startOf } from "./dateField";

test("a day goes into the field and comes back as its first millisecond", () => {
    const evening = new Date(2026, 10, 24, 23, 59);
    expect(dateField(evening.getTime())).toBe("2026-11-24");
    expect(startOf("2026-11-24")).toBe(new Date(2026, 10, 24).getTime());
});

test.each(["", "2026-11", "demain", "2026-11-24T10:00"])("%j is no day", (field) => expect(startOf(field)).toBeNull());
