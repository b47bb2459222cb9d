import type { Mention } from "../message/mentions";

/** What is written and not sent: in a room, or in one of its threads. */
export interface Draft {
    text: string;
    mentions: Mention[];
    /** The message that is answered. */
    reply?: string;
    /** The message that is changed; `text` and `mentions` are its new ones, `before` is what was being written. */
    edit?: string;
    before?: Draft;
}

export const emptyDraft: Draft = { text: "", mentions: [] };

const prefix = "beffroi.draft ";

/** A place where one writes. */
export function placeOf(room: string, thread?: string): string {
    return thread ? `${room} ${thread}` : room;
}

/**
 * Drafts, kept in this browser until they are sent or the connection ends. They are not encrypted there: the keys of the messages lie in the
 * same profile, so that it would keep nobody out.
 */
export class Drafts {
    private readonly drafts = new Map<string, Draft>();
    private readonly listeners = new Set<() => void>();

    constructor(private readonly storage: Storage) {}

    get(place: string): Draft {
        const known = this.drafts.get(place);
        if (known) return known;
        const draft = parsed(this.storage.getItem(prefix + place));
        this.drafts.set(place, draft);
        return draft;
    }

    set(place: string, draft: Draft): void {
        this.drafts.set(place, draft);
        try {
            if (isEmpty(draft)) this.storage.removeItem(prefix + place);
            else this.storage.setItem(prefix + place, JSON.stringify(draft));
        } catch {
            // The browser's store is full: the draft lives as long as this page.
        }
        this.listeners.forEach((listener) => listener());
    }

    update(place: string, changes: Partial<Draft>): void {
        this.set(place, { ...this.get(place), ...changes });
    }

    /** Begins to change a message; what was being written comes back afterwards. */
    edit(place: string, id: string, text: string, mentions: Mention[]): void {
        const now = this.get(place);
        this.set(place, { text, mentions, edit: id, before: now.edit ? now.before : now });
    }

    /** Ends an answer or a change; gives back what was being written before. */
    cancel(place: string): void {
        const { edit, before, reply: _reply, ...rest } = this.get(place);
        this.set(place, edit ? (before ?? emptyDraft) : rest);
    }

    readonly subscribe = (listener: () => void): (() => void) => {
        this.listeners.add(listener);
        return () => void this.listeners.delete(listener);
    };
}

/** Tells what of a browser's storage is drafts, for whoever clears it. */
export const isDraft = (key: string): boolean => key.startsWith(prefix);

function isEmpty({ text, reply, edit }: Draft): boolean {
    return !text && !reply && !edit;
}

function parsed(text: string | null): Draft {
    try {
        const draft = JSON.parse(text ?? "null") as Draft | null;
        return draft && typeof draft.text === "string" && Array.isArray(draft.mentions) ? draft : emptyDraft;
    } catch {
        return emptyDraft;
    }
}
