import { fold } from "../ui/fold";

/** Something that the finder offers. */
export interface Entry {
    key: string;
    kind: "room" | "person" | "public" | "action";
    label: string;
    /** What tells two of the same name apart, and is searched too: an identifier, a topic. */
    detail: string;
    round: boolean;
    avatar: string | null;
    /** When it was used last; 0: never. */
    at: number;
}

/** The entries that have every word that was typed, the best first: a name that begins so, a word of it that does, a part of one; the last used first. */
export function rank<E extends Entry>(entries: readonly E[], typed: string): E[] {
    const words = fold(typed).split(/\s+/).filter(Boolean);
    const scored = entries.map((entry) => ({ entry, score: score(entry, words) })).filter(({ score }) => score > 0);
    return scored.sort((a, b) => b.score - a.score || b.entry.at - a.entry.at || a.entry.label.localeCompare(b.entry.label)).map(({ entry }) => entry);
}

function score(entry: Entry, words: readonly string[]): number {
    const label = fold(entry.label);
    const detail = fold(entry.detail);
    return Math.min(4, ...words.map((word) => scoreOf(word, label, detail)));
}

function scoreOf(word: string, label: string, detail: string): number {
    if (label.startsWith(word)) return 4;
    if (begins(label, word)) return 3;
    if (begins(detail, word)) return 2;
    return label.includes(word) || detail.includes(word) ? 1 : 0;
}

/** One of the text's words begins so. */
function begins(text: string, word: string): boolean {
    for (let at = text.indexOf(word); at >= 0; at = text.indexOf(word, at + 1)) {
        if (at === 0 || !/[\p{L}\p{N}]/u.test(text[at - 1]!)) return true;
    }
    return false;
}
