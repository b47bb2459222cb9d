import { expect, test } from "vitest";
import { findEmoji, loadEmoji, tones, withTone } from "./emoji";

test("emoji are found in French, without accents, by all of the words", async () => {
    const groups = await loadEmoji("fr");
    expect(groups).toHaveLength(9);
    const signs = (query: string) => findEmoji(groups, query).map(({ sign }) => sign);
    expect(signs("gateau anniversaire")).toEqual(["🎂"]);
    expect(signs("drapeau france")[0]).toBe("🇫🇷");
    expect(signs("mairie")).toEqual([]);
});

test("a tone of skin changes what takes one", async () => {
    const all = (await loadEmoji("fr")).flat();
    const one = (sign: string) => all.find((emoji) => emoji.sign.startsWith(sign))!;
    expect(withTone(one("👍"), tones[3])).toBe("👍🏽");
    expect(withTone(one("🤷‍♀"), tones[1])).toBe("🤷🏻‍♀️");
    expect(withTone(one("🎂"), tones[3])).toBe("🎂");
});
