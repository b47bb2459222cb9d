import { expect, test } from "vitest";
import { themeFor, type Theme } from "./appearance";

test.each<[Theme, boolean, boolean, string]>([
    ["system", false, false, "light"],
    ["system", true, false, "dark"],
    ["system", false, true, "contrast"],
    ["system", true, true, "dark"],
    ["light", true, true, "light"],
    ["dark", false, false, "dark"],
    ["contrast", true, false, "contrast"],
])("%s on a device that is dark %s, contrast %s: %s", (chosen, dark, contrast, drawn) => {
    expect(themeFor(chosen, { dark, contrast })).toBe(drawn);
});
