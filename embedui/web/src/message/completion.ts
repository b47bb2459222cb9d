/** What one may mean by what stands before the cursor. */
export interface Trigger {
    sign: "@" | "#" | ":";
    query: string;
    /** Where the sign stands in the text. */
    from: number;
}

const shortest = 2; // letters of an emoji's name; ": D" and ":)" are none
const longest = 40;

/** What is being named at the cursor; null: nothing. */
export function triggerAt(text: string, cursor: number): Trigger | null {
    const before = text.slice(Math.max(0, cursor - longest), cursor);
    const match = before.match(/(?<=^|[\s(«"'’])(?:([@#])([\p{L}\p{N}.'’ _-]*)|(:)([\p{L}_]+))$/u);
    if (!match) return null;
    const sign = (match[1] ?? match[3]) as Trigger["sign"];
    const query = match[2] ?? match[4] ?? "";
    if (sign === ":" && query.length < shortest) return null;
    if (/\s{2}|^\s/.test(query)) return null;
    return { sign, query, from: cursor - query.length - 1 };
}

/** Letters without accents and capitals. */
export function folded(text: string): string {
    return text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase().replace(/[’']/g, "'");
}

/** Something that can be named: shown, and found by any of its words. */
export interface Candidate {
    key: string;
    /** What stands in the list. */
    shown: string;
    /** A second line or word there: an identifier, an emoji's name. */
    hint?: string;
    /** Folded words that it is found by. */
    words: string;
    /** What is put into the text. */
    text: string;
}

/** The best few, those that begin with the query before those that have a word beginning with it. */
export function best(candidates: Candidate[], query: string, most = 8): Candidate[] {
    const wanted = folded(query).trim();
    const rank = ({ words }: Candidate): number => (words.startsWith(wanted) ? 0 : words.includes(` ${wanted}`) ? 1 : 2);
    const ranked = candidates.map((candidate, i) => ({ candidate, i, rank: rank(candidate) })).filter((one) => one.rank < 2);
    return ranked.sort((a, b) => a.rank - b.rank || a.i - b.i).slice(0, most).map(({ candidate }) => candidate);
}
