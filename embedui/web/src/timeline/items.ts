import type { EventStatus, MatrixEvent } from "matrix-js-sdk";
import { bodyOf, type Body } from "./body";
import { noticeOf, type Notice } from "./notice";

/** A message as the timeline shows it. One object as long as nothing of it changes: what draws it compares them. */
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

/** State changes that follow each other; those who come and go are told together. */
export interface Notices {
    kind: "notices";
    key: string;
    at: number;
    notices: Notice[];
}

export type Item = { kind: "day"; key: string; at: number } | { kind: "unread"; key: string; at: number } | Notices | Message;

const latest = 8.64e15; // what a Date can hold

/** What an event is in the timeline; null: it is no line of its own. */
export function itemOf(event: MatrixEvent): Notices | Message | null {
    // The transaction id stays when the server gives the event its id, so the element on the page stays too.
    const key = event.getTxnId() ?? event.getId()!;
    const at = when(event.getTs());
    if (event.isState()) {
        const notice = noticeOf(event);
        return notice && { kind: "notices", key, at, notices: [notice] };
    }
    const body = bodyOf(event);
    if (!body) return null;
    const edited = Boolean(event.replacingEvent());
    return { kind: "message", key, id: event.getId()!, event, sender: event.getSender()!, at, body, edited, continued: false, status: event.status };
}

/** Other servers may say any time; what no calendar has is told as its beginning. */
function when(at: unknown): number {
    return typeof at === "number" && Math.abs(at) <= latest ? at : 0;
}
