import { EventType, type MatrixClient, type Room } from "matrix-js-sdk";
import { mayEdit } from "../send/write";
import { reactionsOf } from "../timeline/reactions";
import type { Message } from "../timeline/items";
import { mayPin, pinnedIds } from "../timeline/pins";
import { matrixTo } from "./address";
import { messagePath } from "./jump";

/** What can be done with a message, in the order of the menu. */
export type Act = "reply" | "react" | "reactions" | "thread" | "edit" | "copy" | "quote" | "forward" | "link" | "pin" | "unpin" | "report" | "delete";

/** What this person may do with a message here. */
export function possible(mx: MatrixClient, room: Room, { event, body, id }: Message): Act[] {
    const own = mx.getSafeUserId();
    const writes = room.maySendMessage();
    const there = body.kind !== "deleted";
    const text = body.kind === "text";
    const pinned = pinnedIds(room).includes(id);
    const inThread = Boolean(event.threadRootId && event.threadRootId !== id);
    const acts: [Act, boolean][] = [
        ["reply", writes && there],
        ["react", there && room.currentState.maySendEvent(EventType.Reaction, own)],
        ["reactions", there && reactionsOf(room, id).length > 0],
        ["thread", writes && there && !inThread && !event.getRelation()?.rel_type],
        ["edit", writes && mayEdit(event, own)],
        ["copy", text],
        ["quote", writes && text],
        ["forward", text || body.kind === "file"],
        ["link", true],
        ["pin", there && mayPin(room) && !pinned],
        ["unpin", mayPin(room) && pinned],
        ["report", there && event.getSender() !== own],
        ["delete", there && room.currentState.maySendRedactionForEvent(event, own)],
    ];
    return acts.filter(([, may]) => may).map(([act]) => act);
}

/** A message's text before what is being written. */
export function quoted(draft: string, { body }: Message): string {
    const lines = body.kind === "text" ? body.text.trimEnd().replace(/^/gm, "> ") : "";
    return `${draft ? `${draft.trimEnd()}\n\n` : ""}${lines}\n\n`;
}

const most = 3; // servers that a link names

/** A link to a message: the own address where all of the room's people have it, else one for any Matrix client. */
export function linkTo(room: Room, id: string): string {
    const own = room.client.getDomain();
    const servers = [...new Set(room.getJoinedMembers().map(({ userId }) => userId.slice(userId.indexOf(":") + 1)))];
    if (servers.every((server) => server === own)) return location.origin + messagePath(room.roomId, id);
    return matrixTo(room.roomId, id, [own ?? "", ...servers.filter((server) => server !== own)].filter(Boolean).slice(0, most));
}

/** What is sent when a message is passed on: its content without what tied it to its room. */
export function passedOn(content: Record<string, unknown>): Record<string, unknown> {
    const { "m.relates_to": _relation, "m.new_content": _edit, formatted_body: html, ...rest } = content;
    const formatted = typeof html === "string" ? { formatted_body: html.replace(/^<mx-reply>[\s\S]*<\/mx-reply>/, "") } : {};
    return { ...rest, ...formatted, "m.mentions": {} };
}
