import type { EventStatus, MatrixEvent } from "matrix-js-sdk";
import { bodyOf, type Body } from "./body";
import { noticeOf, type Notice } from "./notice";

/** A message as the timeline shows it. */
export interface Message {
    kind: "message";
    key: string;
    id: string;
    event: MatrixEvent;
    sender: string;
    at: number;
    body: Body;
    edited: boolean;
    /** The sender's name is not repeated: the message follows another one of theirs within five minutes. */
    continued: boolean;
    /** Null once the server has it. */
    status: EventStatus | null;
}

export type Item =
    | { kind: "day"; key: string; at: number }
    | { kind: "notice"; key: string; at: number; notice: Notice }
    | Message;

const together = 5 * 60_000;

/** Turns a room's events, oldest first, into what is shown. */
export function timelineItems(events: MatrixEvent[]): Item[] {
    const items: Item[] = [];
    let day = "";
    for (const event of events) {
        const item = itemOf(event);
        if (!item || creatorJoins(item, items.at(-1))) continue;
        const today = new Date(item.at).toDateString();
        if (today !== day) items.push({ kind: "day", key: `day ${today}`, at: item.at });
        day = today;
        if (item.kind === "message") item.continued = follows(item, items.at(-1));
        items.push(item);
    }
    return items;
}

/** Who makes a room is in it: that says nothing new. */
function creatorJoins(item: Item, before: Item | undefined): boolean {
    if (item.kind !== "notice" || before?.kind !== "notice") return false;
    return item.notice.key === "joined" && before.notice.key === "created" && item.notice.who === before.notice.who;
}

function itemOf(event: MatrixEvent): Item | null {
    // The transaction id stays when the server gives the event its id, so the element on the page stays too.
    const key = event.getTxnId() ?? event.getId()!;
    const at = event.getTs();
    if (event.isState()) {
        const notice = noticeOf(event);
        return notice && { kind: "notice", key, at, notice };
    }
    const body = bodyOf(event);
    if (!body) return null;
    const edited = Boolean(event.replacingEvent());
    return { kind: "message", key, id: event.getId()!, event, sender: event.getSender()!, at, body, edited, continued: false, status: event.status };
}

function follows(message: Message, before: Item | undefined): boolean {
    return before?.kind === "message" && before.sender === message.sender && message.at - before.at < together;
}
