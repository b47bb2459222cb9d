import { currentLanguage } from "../i18n";
import { folded, type Candidate } from "./completion";

export interface Emoji {
    sign: string;
    name: string;
    /** Folded words that it is found by. */
    words: string;
    toned: boolean;
}

/** Every emoji with its names in the language, by groups; loaded when the first one is looked for. */
export async function loadEmoji(language = currentLanguage()): Promise<Emoji[][]> {
    const { default: groups } = await (language === "en" ? import("virtual:emoji/en") : import("virtual:emoji/fr"));
    return groups.map((group) => group.map(([sign, name, words, toned]) => ({ sign, name, words: folded(`${name} ${words}`), toned: toned === 1 })));
}

export function emojiCandidates(groups: Emoji[][]): Candidate[] {
    return groups.flat().map(({ sign, name, words }) => ({ key: sign, shown: sign, hint: name, words, text: sign }));
}

/** Emoji whose words begin with all that is looked for. */
export function findEmoji(groups: Emoji[][], query: string): Emoji[] {
    const wanted = folded(query).split(/\s+/).filter(Boolean);
    return groups.flat().filter(({ words }) => wanted.every((word) => words.startsWith(word) || words.includes(` ${word}`)));
}

export const tones = ["", "🏻", "🏼", "🏽", "🏾", "🏿"] as const;

/** The emoji with a tone of skin, where it takes one. */
export function withTone({ sign, toned }: Emoji, tone: string): string {
    if (!toned || !tone) return sign;
    const [first, ...rest] = sign;
    return [first, tone, ...(rest[0] === "\ufe0f" ? rest.slice(1) : rest)].join("");
}
