/** A name in a text being written, and what it stands for: a person ("@…:…"), a salon ("!…", "#…"), or all members ("@room"). */
export interface Mention {
    /** As it stands in the text, with its sign: "@Paul Durand". */
    text: string;
    id: string;
}

export const everyone = "@room";

/** Spec: client-server API, "m.mentions". */
export interface Mentions {
    user_ids?: string[];
    room?: true;
}

/** A part of a text: words, or a mention. */
export type Piece = string | Mention;

/** Cuts a text at the mentions that are still in it; where one's name begins another's, the longer one counts. */
export function pieces(text: string, mentions: Mention[]): Piece[] {
    if (!mentions.length) return [text];
    const byLength = [...mentions].sort((a, b) => b.text.length - a.text.length);
    const pattern = new RegExp(`(?<![\\p{L}\\p{N}])(?:${byLength.map(({ text: name }) => escaped(name)).join("|")})(?![\\p{L}\\p{N}])`, "gu");
    const found: Piece[] = [];
    let end = 0;
    for (const match of text.matchAll(pattern)) {
        if (match.index > end) found.push(text.slice(end, match.index));
        found.push(byLength.find((mention) => mention.text === match[0])!);
        end = match.index + match[0].length;
    }
    if (end < text.length) found.push(text.slice(end));
    return found;
}

/** Who is called by a text, oneself aside. */
export function called(text: string, mentions: Mention[], own: string): Mentions {
    const ids = pieces(text, mentions).flatMap((piece) => (typeof piece === "string" ? [] : [piece.id]));
    return mentionsOf(ids.filter((id) => id !== own && id !== everyone && id.startsWith("@")), ids.includes(everyone));
}

export function mentionsOf(userIds: string[], room: boolean): Mentions {
    return { ...(userIds.length && { user_ids: [...new Set(userIds)] }), ...(room && { room: true as const }) };
}

/** Those of `now` that were not called `before`: an edit calls nobody twice. Spec: "Event replacements", "Mentions". */
export function newlyCalled(now: Mentions, before: Mentions): Mentions {
    return mentionsOf((now.user_ids ?? []).filter((id) => !before.user_ids?.includes(id)), Boolean(now.room && !before.room));
}

/** What an event says, where it says it as it should. */
export function readMentions(value: unknown): Mentions {
    if (typeof value !== "object" || value === null) return {};
    const { user_ids: ids, room } = value as Record<string, unknown>;
    return mentionsOf(Array.isArray(ids) ? ids.filter((id): id is string => typeof id === "string").slice(0, 1000) : [], room === true);
}

function escaped(text: string): string {
    return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}
