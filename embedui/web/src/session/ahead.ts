import type { Session } from "./session";

const key = "beffroi.ahead";
const most = 12;
const margin = 60_000; // milliseconds that an access token must still be good for

/**
 * Asks at once for what the client asks for one after the other when it starts. What that is, it learned the time before: every GET up to the first
 * /sync. An answer is given once, to the first who asks for the same; an answer that is an error is asked for again.
 */
export class Ahead {
    private readonly answers = new Map<string, Promise<Response | null>>();
    private learned: Set<string> | null = new Set();

    constructor(session: Session, private readonly storage: Storage = localStorage, get: typeof fetch = (...args) => fetch(...args)) {
        if (session.asleep || (session.expiresAt && session.expiresAt - margin < Date.now())) return;
        const headers = { Authorization: `Bearer ${session.accessToken}` };
        for (const url of remembered(storage)) {
            this.answers.set(url, get(url, { headers }).then((response) => (response.ok ? response : null), () => null));
        }
    }

    /** The answer to a request that the client makes, where it was asked for; null: it has to be asked for now. */
    async answer(url: string, method: string): Promise<Response | null> {
        if (!this.learned || method !== "GET") return null;
        if (new URL(url).pathname.endsWith("/sync")) return this.started();
        this.learned.add(url);
        const answer = this.answers.get(url);
        this.answers.delete(url);
        return (await answer) ?? null;
    }

    private started(): null {
        this.storage.setItem(key, JSON.stringify([...this.learned!].slice(0, most)));
        this.learned = null;
        this.answers.clear();
        return null;
    }
}

function remembered(storage: Storage): string[] {
    try {
        const urls: unknown = JSON.parse(storage.getItem(key) ?? "[]");
        return Array.isArray(urls) ? urls.filter((url) => typeof url === "string").slice(0, most) : [];
    } catch {
        return [];
    }
}
