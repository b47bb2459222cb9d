import { EventType, type MatrixEvent, type Room } from "matrix-js-sdk";
import type { Client } from "../client/client";
import { targetOf } from "../message/address";
import { editedContent, newContent, type ToHtml, type Written } from "../message/content";
import { readMentions, type Mention } from "../message/mentions";
import { withoutReplyFallback } from "../timeline/body";
import { placeOf, type Draft } from "./drafts";

/** Sends a draft: a new message, an answer, or an edit. What was being written before an edit comes back. */
export function sendDraft({ mx, drafts, outbox }: Client, room: Room, thread: string | undefined, draft: Draft, toHtml: ToHtml): void {
    const written: Written = { text: draft.text.trim(), mentions: draft.mentions, own: mx.getSafeUserId() };
    outbox.send(room, EventType.RoomMessage, draft.edit ? edit(room, draft.edit, written, toHtml) : fresh(room, thread, draft.reply, written, toHtml));
    drafts.set(placeOf(room.roomId, thread), draft.before ?? { text: "", mentions: [] });
}

function edit(room: Room, id: string, written: Written, toHtml: ToHtml): object {
    const before = readMentions(room.findEventById(id)?.getContent()["m.mentions"]);
    return editedContent(written, id, before, toHtml);
}

function fresh(room: Room, thread: string | undefined, reply: string | undefined, written: Written, toHtml: ToHtml): object {
    const last = thread && (room.getThread(thread)?.replyToEvent?.getId() ?? thread);
    return newContent(
        written,
        {
            ...(reply && { reply: { id: reply, sender: room.findEventById(reply)?.getSender() ?? written.own } }),
            ...(thread && { thread: { root: thread, last: last! } }),
        },
        toHtml,
    );
}

/** The text of a message as it can be changed, and who is named in it. */
export function editable(event: MatrixEvent): { text: string; mentions: Mention[] } {
    const { body, formatted_body: html, msgtype } = event.getContent();
    const text = withoutReplyFallback(typeof body === "string" ? body : "");
    return { text: msgtype === "m.emote" ? `/me ${text}` : text, mentions: typeof html === "string" ? namedIn(html, text) : [] };
}

/** The people and salons that a message's HTML links, where its text names them. */
export function namedIn(html: string, text: string): Mention[] {
    return [...html.matchAll(/<a href=["']([^"']+)["']>([^<]*)<\/a>/g)].flatMap(([, href, words]) => {
        const target = targetOf(href!, location.origin);
        if (!target || target.kind === "web") return [];
        const name = plain(words!);
        const written = [`@${name}`, name].find((one) => one && text.includes(one));
        return written ? [{ text: written, id: target.kind === "person" ? target.userId : target.room }] : [];
    });
}

const entities: Record<string, string> = { "&lt;": "<", "&gt;": ">", "&quot;": '"', "&#39;": "'", "&amp;": "&" };

function plain(html: string): string {
    return html.replace(/&(lt|gt|quot|#39|amp);/g, (entity) => entities[entity]!);
}

/** One's last message that can be changed. */
export function lastOwn(room: Room, thread: string | undefined, own: string): MatrixEvent | undefined {
    const events = thread ? (room.getThread(thread)?.events ?? []) : room.getLiveTimeline().getEvents();
    return events.findLast((event) => mayEdit(event, own));
}

export function mayEdit(event: MatrixEvent, own: string): boolean {
    const { msgtype, body } = event.getContent();
    const text = typeof body === "string" && ["m.text", "m.emote", "m.notice"].includes(msgtype as string);
    return event.getType() === "m.room.message" && event.getSender() === own && !event.isRedacted() && !event.status && text && !event.isRelation("m.replace");
}
