/** Something to send, as it is kept until the server has it. */
export interface Entry {
    /** The transaction id: the server takes each once, also after a reload. Spec: "Transaction identifiers". */
    txn: string;
    room: string;
    type: string;
    content: object;
    at: number;
}

const key = "beffroi.outbox";

/** The queue in this browser, in the order of writing. Like drafts it is not encrypted (drafts.ts says why). */
export class OutboxStore {
    private entries: Entry[];
    /** False: the browser refused to keep the last change (its store is full), so that closing the page loses something. */
    safe = true;

    constructor(private readonly storage: Storage) {
        this.entries = parsed(storage.getItem(key));
    }

    all(): readonly Entry[] {
        return this.entries;
    }

    add(entry: Entry): void {
        this.write([...this.entries, entry]);
    }

    remove(txn: string): void {
        if (this.entries.some((entry) => entry.txn === txn)) this.write(this.entries.filter((entry) => entry.txn !== txn));
    }

    private write(entries: Entry[]): void {
        this.entries = entries;
        try {
            if (entries.length) this.storage.setItem(key, JSON.stringify(entries));
            else this.storage.removeItem(key);
            this.safe = true;
        } catch {
            this.safe = false;
        }
    }
}

export const isOutbox = (name: string): boolean => name === key;

function parsed(text: string | null): Entry[] {
    try {
        const entries = JSON.parse(text ?? "[]") as unknown;
        return Array.isArray(entries) ? entries.filter((entry) => typeof entry?.txn === "string" && typeof entry.room === "string" && typeof entry.content === "object") : [];
    } catch {
        return [];
    }
}
