import { expect, test } from "vitest";
import { emojiOnly } from "./emojiOnly";

test.each(["👍", "👍🏽", "❤️", "🇫🇷", "👨‍👩‍👧‍👦", "🎉 🎉 🎉", "3️⃣", "🏳️‍🌈"])("%s is only emoji", (text) => {
    expect(emojiOnly(text)).toBe(true);
});

test.each(["", " ", "bravo 👍", "12", "#", "©", "👍👍👍👍👍👍👍", "👍".repeat(200), "a"])("%s is not", (text) => {
    expect(emojiOnly(text)).toBe(false);
});
