import type { MatrixEvent } from "matrix-js-sdk";
import { bodyOf } from "../timeline/body";
import type { Message } from "../timeline/items";

const together = 5 * 60_000; // milliseconds between two messages of one person's turn

/** The messages among a thread's events, each once. */
export function messagesOf(events: MatrixEvent[]): Message[] {
    const messages = new Map<string, Message>();
    let before: Message | undefined;
    for (const event of events) {
        const message = messageOf(event);
        if (!message || messages.has(message.key)) continue;
        message.continued = before?.sender === message.sender && message.at - before.at < together;
        messages.set(message.key, (before = message));
    }
    return [...messages.values()];
}

export function messageOf(event: MatrixEvent): Message | null {
    const body = bodyOf(event);
    if (!body) return null;
    return {
        kind: "message", key: event.getTxnId() ?? event.getId()!, id: event.getId()!, event, sender: event.getSender()!, at: event.getTs(), body,
        edited: Boolean(event.replacingEvent()), continued: false, status: event.status,
    };
}
