// The emoji of one language as the client needs them: a third of what emojibase's file is.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const prefix = "virtual:emoji/";
const tones = ["🏻", "🏼", "🏽", "🏾", "🏿"];

/** A Vite plugin: `virtual:emoji/fr` exports a list of groups, each a list of [emoji, name, other words, takes a tone of skin]. */
export function emoji() {
    return {
        name: "emoji",
        resolveId: (id) => (id.startsWith(prefix) ? `\0${id}` : undefined),
        load(id) {
            if (!id.startsWith(`\0${prefix}`)) return undefined;
            return `export default JSON.parse(${JSON.stringify(JSON.stringify(groups(id.slice(prefix.length + 1))))})`;
        },
    };
}

function groups(language) {
    const file = createRequire(import.meta.url).resolve(`emojibase-data/${language}/compact.json`);
    const byGroup = [];
    for (const one of JSON.parse(readFileSync(file, "utf8"))) {
        if (one.group === undefined || one.group === 2) continue; // parts of emoji
        (byGroup[one.group] ??= []).push([one.unicode, one.label, words(one), toned(one) ? 1 : 0]);
    }
    return byGroup.filter(Boolean);
}

const words = ({ label, tags = [] }) => tags.filter((tag) => !label.includes(tag)).join(" ");

/** Whether the tones are the emoji with a modifier behind its first sign, as the client makes them. */
function toned({ unicode, skins = [] }) {
    const made = (tone) => [...unicode].filter((sign, i) => i !== 1 || sign !== "\ufe0f").flatMap((sign, i) => (i === 0 ? [sign, tone] : [sign])).join("");
    return skins.length > 0 && tones.every((tone) => skins.some((skin) => skin.unicode === made(tone)));
}
