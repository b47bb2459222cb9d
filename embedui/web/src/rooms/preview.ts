import i18next from "i18next";
import type { MatrixEvent, Room } from "matrix-js-sdk";
import { isUserId, spoken } from "../client/identifier";
import { brief } from "../message/brief";
import { straight } from "../message/tree";
import { bodyOf } from "../timeline/body";

const longest = 100; // characters of a name

/** One line about a message: "Paul Martin : la clé est au secrétariat". Null: the event is no message. */
export function preview(event: MatrixEvent, room: Room): string | null {
    const body = bodyOf(event);
    if (!body) return null;
    const own = event.getSender() === room.myUserId;
    const who = own ? i18next.t("message.you") : memberName(room, event.getSender()!);
    return i18next.t("message.preview", { who, text: brief(body) });
}

/** What a member is called in a room: by name, or else by identifier. */
export function memberName(room: Room, userId: string): string {
    const name = straight(room.getMember(userId)?.name ?? userId).slice(0, longest);
    return isUserId(name) ? spoken(name, room.client.getDomain() ?? "") : name;
}
