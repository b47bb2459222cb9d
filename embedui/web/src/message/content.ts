import type { RoomMessageEventContent } from "matrix-js-sdk/lib/types";
import { called, mentionsOf, newlyCalled, pieces, type Mention, type Mentions } from "./mentions";

/** What is written, and who writes. */
export interface Written {
    text: string;
    mentions: Mention[];
    own: string;
}

/** What a new message has to do with others. */
export interface Relation {
    /** The message that is answered, and its sender. */
    reply?: { id: string; sender: string };
    /** The thread that the message is in, and its last message. */
    thread?: { root: string; last: string };
}

/** Turns what was written into HTML; markdown.ts's function, which comes when it is needed. Null: plain text says it all. */
export type ToHtml = (text: string, mentions: Mention[]) => string | null;

type Content = RoomMessageEventContent & { "m.mentions": Mentions };

/** The content of a message, with `m.mentions` in any case. Spec: "User and room mentions", "Rich replies", "Threading". */
export function newContent(written: Written, { reply, thread }: Relation, toHtml: ToHtml): Content {
    const content = plainContent(written, toHtml);
    if (reply && reply.sender !== written.own) {
        const { user_ids: ids = [], room } = content["m.mentions"];
        content["m.mentions"] = mentionsOf([...ids, reply.sender], Boolean(room));
    }
    const relation = {
        ...(thread && { rel_type: "m.thread", event_id: thread.root, is_falling_back: !reply }),
        ...((reply || thread) && { "m.in_reply_to": { event_id: reply?.id ?? thread!.last } }),
    };
    return reply || thread ? ({ ...content, "m.relates_to": relation } as Content) : content;
}

/** The content of an edit of the message `id`, which called `before`. Spec: "Event replacements". */
export function editedContent(written: Written, id: string, before: Mentions, toHtml: ToHtml): Content {
    const next = plainContent(written, toHtml);
    return {
        ...next,
        body: `* ${next.body}`,
        ...("formatted_body" in next && { formatted_body: `* ${next.formatted_body}` }),
        "m.mentions": newlyCalled(next["m.mentions"], before),
        "m.new_content": next,
        "m.relates_to": { rel_type: "m.replace", event_id: id },
    } as Content;
}

function plainContent({ text, mentions, own }: Written, toHtml: ToHtml): Content {
    const emote = text.startsWith("/me ");
    const said = emote ? text.slice(4).trim() : text;
    const html = toHtml(said, mentions);
    return {
        msgtype: emote ? "m.emote" : "m.text",
        body: bodyOf(said, mentions),
        ...(html !== null && { format: "org.matrix.custom.html", formatted_body: html }),
        "m.mentions": called(said, mentions, own),
    } as Content;
}

/** Who reads the plain text sees names as they were typed; salons by their address, since a name leads nowhere. */
function bodyOf(text: string, mentions: Mention[]): string {
    return pieces(text, mentions).map((piece) => (typeof piece === "string" ? piece : piece.id.startsWith("#") ? piece.id : piece.text)).join("");
}
