import type { MatrixEvent } from "matrix-js-sdk";
import { itemOf, type Item, type Message, type Notices } from "./items";
import type { Notice } from "./notice";

const together = 5 * 60_000;
const crowd = ["joined", "left", "invited", "declined", "renamed", "pictured"];

export interface Reader {
    me: string;
    /** Whether a notice is of no interest to people. */
    skips(notice: Notice): boolean;
}

/** What was built, and where to go on when events were added at the end. */
interface Built {
    first: MatrixEvent;
    last: MatrixEvent;
    count: number;
    after: string | null;
    items: Item[];
    /** Midnights around the last line. */
    day: [number, number];
    unread: "before" | "due" | "done";
}

/**
 * Turns a room's events, oldest first, into lines. What an event makes is worked out once, until `forget`; events at the end cost
 * only themselves.
 */
export class Lines {
    /** Events that make no line, by the key of the line before them: who has read them has read that line. */
    readonly hidden = new Map<string, MatrixEvent[]>();
    private readonly made = new WeakMap<MatrixEvent, Message | Notices | null>();
    private built: Built | null = null;
    private ahead = 0; // of the server's clock before this one

    constructor(private readonly reader: Reader) {}

    /** The event has changed. */
    forget(event: MatrixEvent): void {
        this.made.delete(event);
        this.built = null;
    }

    /** The lines of all events; the line "new messages" comes before the first message of others behind the event `after`. */
    build(events: readonly MatrixEvent[], after: string | null): Item[] {
        const built = this.goOn(events, after);
        for (let i = built.count; i < events.length; i++) this.add(built, events[i]!);
        built.count = events.length;
        built.first = events[0]!;
        built.last = events.at(-1)!;
        this.built = built;
        return built.items;
    }

    private goOn(events: readonly MatrixEvent[], after: string | null): Built {
        const before = this.built;
        const same = before && before.after === after && before.count > 0 && before.first === events[0] && before.last === events[before.count - 1];
        if (same) return events.length === before.count ? before : { ...before, items: [...before.items] };
        this.hidden.clear();
        return { first: events[0]!, last: events[0]!, count: 0, after, items: [], day: [0, 0], unread: after ? "before" : "done" };
    }

    private add(built: Built, event: MatrixEvent): void {
        const item = this.make(event);
        if (item && !creatorJoins(item, built.items.at(-1))) this.place(built, item);
        else this.hide(built.items.at(-1), event);
        if (event.getId() === built.after) built.unread = "due";
    }

    private place(built: Built, item: Message | Notices): void {
        const at = item.kind === "message" && item.status ? item.at + this.ahead : item.at;
        if (at < built.day[0] || at >= built.day[1]) {
            built.day = midnights(at);
            built.items.push({ kind: "day", key: `day ${built.day[0]} ${item.key}`, at });
        }
        if (built.unread === "due" && item.kind === "message" && item.sender !== this.reader.me) {
            built.items.push({ kind: "unread", key: "unread", at });
            built.unread = "done";
        }
        const before = built.items.at(-1);
        if (item.kind === "message") built.items.push(this.follow(item, before));
        else if (joins(item, before)) built.items[built.items.length - 1] = { ...before, notices: [...before.notices, ...item.notices] };
        else built.items.push(item);
    }

    private hide(before: Item | undefined, event: MatrixEvent): void {
        if (!before) return;
        const hidden = this.hidden.get(before.key);
        if (hidden) hidden.push(event);
        else this.hidden.set(before.key, [event]);
    }

    private make(event: MatrixEvent): Message | Notices | null {
        const known = this.made.get(event);
        if (known !== undefined && (known?.kind !== "message" || known.status === event.status)) return known;
        const item = this.legible(event);
        this.made.set(event, item);
        this.hear(event);
        return item;
    }

    /** Nothing in an event is to be trusted: what can't be read is a message of a kind that isn't shown. */
    private legible(event: MatrixEvent): Message | Notices | null {
        try {
            const item = itemOf(event);
            return item?.kind === "notices" && item.notices.every((notice) => this.reader.skips(notice)) ? null : item;
        } catch {
            return event.isState() ? null : { kind: "message", key: event.getId()!, id: event.getId()!, event, sender: event.getSender()!, at: 0, body: { kind: "unknown" }, edited: false, continued: false, status: null };
        }
    }

    /** What is on its way has the time of this clock, which may be wrong; the server says how old its events are. */
    private hear(event: MatrixEvent): void {
        if (!event.status && typeof event.getUnsigned().age === "number") this.ahead = event.getTs() - event.localTimestamp;
    }

    /** The same object again if it follows as it did. */
    private follow(message: Message, before: Item | undefined): Message {
        const continued = before?.kind === "message" && before.sender === message.sender && Math.abs(message.at - before.at) < together;
        if (continued === message.continued) return message;
        const changed = { ...message, continued };
        this.made.set(message.event, changed);
        return changed;
    }
}

/** Who makes a room is in it: that says nothing new. */
function creatorJoins(item: Item, before: Item | undefined): boolean {
    if (item.kind !== "notices" || before?.kind !== "notices") return false;
    const [notice, created] = [item.notices[0]!, before.notices[0]!];
    return notice.key === "joined" && created.key === "created" && notice.who === created.who;
}

function joins(item: Notices, before: Item | undefined): before is Notices {
    return before?.kind === "notices" && [...item.notices, before.notices[0]!].every(({ key }) => crowd.includes(key));
}

function midnights(at: number): [number, number] {
    const date = new Date(at);
    return [date.setHours(0, 0, 0, 0), date.setDate(date.getDate() + 1)];
}
