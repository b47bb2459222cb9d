import type { Room } from "matrix-js-sdk";
import type { TFunction } from "i18next";
import { memo, useState } from "react";
import { useClient } from "../client/context";
import { useT } from "../i18n";
import { inDays } from "../i18n/dates";
import { isConversation } from "../rooms/direct";
import { memberName } from "../rooms/preview";
import { crowds, type Crowd } from "./crowd";
import type { Notices } from "./items";
import type { Notice } from "./notice";

const few = 3; // notices that each have their own sentence
const most = 50; // sentences that are shown of a crowd

/** Lines between messages: what was changed, who came and went. A crowd is told in one, and each of it on demand. */
export const NoticeView = memo(function NoticeView({ notices: { notices }, room }: { notices: Notices; room: Room }) {
    const t = useT();
    const [whole, setWhole] = useState(false);
    const grouped = notices.length >= few;
    const shown = grouped ? (whole ? notices.slice(-most) : []) : notices;
    return (
        <div className="room-notice" tabIndex={-1} data-stop>
            {grouped && <p>{crowds(notices).map((crowd) => crowdText(t, room, crowd)).join(" ")}</p>}
            {shown.map((notice, i) => <Sentence key={i} notice={notice} room={room} />)}
            {grouped && (
                <button type="button" className="plain-link" aria-expanded={whole} onClick={() => setWhole(!whole)}>
                    {t(whole ? "crowd.hide" : "crowd.show")}
                </button>
            )}
        </div>
    );
});

function Sentence({ notice, room }: { notice: Notice; room: Room }) {
    const t = useT();
    const { mx } = useClient();
    const key = notice.key === "created" && isConversation(mx, room) ? "opened" : notice.key;
    const own = notice.who === mx.getUserId();
    const values = { who: memberName(room, notice.who), whom: notice.whom ? memberName(room, notice.whom) : "", name: brief(notice.name), days: inDays(notice.days ?? 0) };
    const text = t(`notice.${own ? "own" : "other"}.${key}`, values);
    return <p dir="auto">{notice.reason ? t("timeline.reason", { text, reason: brief(notice.reason) }) : text}</p>;
}

function crowdText(t: TFunction, room: Room, { key, people }: Crowd): string {
    const [first, second] = people.slice(0, 2).map((id) => memberName(room, id));
    const names = people.length === 1 ? first : people.length === 2 ? t("crowd.two", { first, second }) : t("crowd.more", { first, second, count: people.length - 2 });
    return t(`crowd.${key}`, { count: people.length, names });
}

/** What people typed may be any text. */
function brief(text = ""): string {
    return text.length > 200 ? `${text.slice(0, 200)}…` : text;
}
