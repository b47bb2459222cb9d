import type { Room } from "matrix-js-sdk";
import { useClient } from "../client/context";
import { useT } from "../i18n";
import { inDays } from "../i18n/dates";
import { isConversation } from "../rooms/direct";
import { memberName } from "../rooms/preview";
import type { Notice } from "./notice";

/** A line between messages. The custodian's coming and going is the town hall's, and of no interest here. */
export function NoticeView({ notice, room }: { notice: Notice; room: Room }) {
    const t = useT();
    const { mx, config } = useClient();
    if (config.custodian && [notice.who, notice.whom].includes(config.custodian)) return null;
    const key = notice.key === "created" && isConversation(mx, room) ? "opened" : notice.key;
    const own = notice.who === mx.getUserId();
    const values = { who: memberName(room, notice.who), whom: notice.whom ? memberName(room, notice.whom) : "", name: notice.name ?? "", days: inDays(notice.days ?? 0) };
    return <li className="room-notice">{t(`notice.${own ? "own" : "other"}.${key}`, values)}</li>;
}
