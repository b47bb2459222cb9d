import { EventType, MsgType, RelationType, type MatrixEvent } from "matrix-js-sdk";
import { DecryptionFailureCode } from "matrix-js-sdk/lib/crypto-api";
import { pollStarts, readPoll } from "../polls/poll";

/** Why a message is locked; the catalogue says for each what unlocks it. */
export type Lock = "code" | "unsaved" | "before" | "withheld" | "waiting";

/** What a message shows. */
export type Body =
    | { kind: "text"; text: string; emote: boolean; notice?: true; html?: string }
    | { kind: "file"; name: string; caption?: string }
    | { kind: "poll"; question: string }
    | { kind: "deleted" }
    | { kind: "locked"; lock: Lock }
    | { kind: "unknown" };

const locks: Partial<Record<DecryptionFailureCode, Lock>> = {
    [DecryptionFailureCode.HISTORICAL_MESSAGE_BACKUP_UNCONFIGURED]: "code",
    [DecryptionFailureCode.HISTORICAL_MESSAGE_NO_KEY_BACKUP]: "unsaved",
    [DecryptionFailureCode.HISTORICAL_MESSAGE_USER_NOT_JOINED]: "before",
    [DecryptionFailureCode.MEGOLM_KEY_WITHHELD]: "withheld",
    [DecryptionFailureCode.MEGOLM_KEY_WITHHELD_FOR_UNVERIFIED_DEVICE]: "code",
};

const files: string[] = [MsgType.File, MsgType.Image, MsgType.Video, MsgType.Audio];

const shown: string[] = [EventType.RoomMessage, EventType.RoomMessageEncrypted, EventType.Sticker, ...pollStarts];

/** What an event shows as a message; null: it is none, or only changes another one (edit, reaction, redaction). */
export function bodyOf(event: MatrixEvent): Body | null {
    const type = event.getType();
    if (!shown.includes(type)) return null;
    if (event.isRedacted()) return { kind: "deleted" };
    if (event.getWireContent()["m.relates_to"]?.rel_type === RelationType.Replace) return null;
    if (event.isRelation(RelationType.Replace)) return null;
    if (event.isDecryptionFailure()) {
        return { kind: "locked", lock: locks[event.decryptionFailureReason!] ?? "waiting" };
    }
    if (type === EventType.RoomMessageEncrypted) return { kind: "locked", lock: "waiting" };
    return pollStarts.includes(type) ? pollBody(event.getContent()) : contentBody(event.getContent());
}

function pollBody(content: Record<string, unknown>): Body {
    const poll = readPoll(content);
    return poll ? { kind: "poll", question: poll.question } : { kind: "unknown" };
}

export function contentBody(content: Record<string, unknown>): Exclude<Body, { kind: "poll" }> {
    const { msgtype } = content;
    const body = typeof content.body === "string" ? content.body : extensible(content);
    if (body === null) return { kind: "unknown" };
    if (typeof msgtype === "string" && files.includes(msgtype)) return fileBody(content.filename, body);
    const text = content["m.relates_to"] ? withoutReplyFallback(body) : body;
    const html = content.format === "org.matrix.custom.html" && typeof content.formatted_body === "string" ? content.formatted_body : undefined;
    return { kind: "text", text, emote: msgtype === MsgType.Emote, ...(msgtype === MsgType.Notice && { notice: true }), ...(html && { html }) };
}

/** The text of a message in the form of MSC1767, for clients that write nothing else. */
function extensible(content: Record<string, unknown>): string | null {
    const texts = content["m.text"] ?? content["org.matrix.msc1767.text"];
    if (typeof texts === "string") return texts;
    const plain = Array.isArray(texts) ? texts.find((one) => typeof one?.body === "string" && (one.mimetype ?? "text/plain") === "text/plain") : null;
    return plain?.body ?? null;
}

/** Where there is a file name, the body is what was written beside it. Spec: "Media captions". */
function fileBody(filename: unknown, body: string): Extract<Body, { kind: "file" }> {
    const name = fileName(filename, body);
    return { kind: "file", name, ...(name !== body && { caption: body }) };
}

function fileName(name: unknown, body: string): string {
    return typeof name === "string" && name ? name : body;
}

/** Older clients repeat the message they answer as lines that begin with "> ". Spec: "Rich replies", before v1.13. */
export function withoutReplyFallback(body: string): string {
    if (!body.startsWith("> <")) return body;
    const lines = body.split("\n");
    const first = lines.findIndex((line) => !line.startsWith(">"));
    return first < 0 ? body : lines.slice(first).join("\n").trimStart();
}
