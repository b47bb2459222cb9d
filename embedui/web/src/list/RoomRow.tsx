import { memo, type MouseEvent } from "react";
import { go, pathOf, type Route } from "../app/route";
import { useT } from "../i18n";
import { shortly } from "../i18n/dates";
import { Avatar } from "../ui/Avatar";
import type { RoomLine } from "./line";

interface Props {
    line: RoomLine;
    position: number;
    of: number;
    current: boolean;
    /** Tab leads here. */
    stop: boolean;
}

const most = 99; // what is counted out; more than that is many

/** A room in the list. */
export const RoomRow = memo(function RoomRow({ line, position, of, current, stop }: Props) {
    const t = useT();
    const to: Route = { page: "room", id: line.id, details: false };
    const follow = (event: MouseEvent): void => {
        if (event.ctrlKey || event.metaKey || event.shiftKey) return;
        event.preventDefault();
        go(to);
    };
    const calls = line.unread > 0 || line.mentions > 0;
    return (
        <a
            href={pathOf(to)} onClick={follow} data-stop={line.id} tabIndex={stop ? 0 : -1} draggable={false}
            className={`row${calls ? " new" : ""}${line.muted ? " muted" : ""}`} aria-current={current ? "page" : undefined}
        >
            <Avatar name={line.name} mxc={line.avatar} shape={line.kind === "conversation" ? "round" : "square"} />
            <span className="words">
                <span className="name">{line.name}</span>
                {line.membership === "knock" ? <span className="preview">{t("list.knocked")}</span> : line.preview && <span className="preview">{line.preview}</span>}
            </span>
            <span className="when">
                {line.preview && <span>{shortly(line.at)}</span>}
                <Unread line={line} />
            </span>
            <span className="unseen">{t("list.place", { position, of })}</span>
        </a>
    );
});

/** In words, with the number: a colour alone says nothing. */
function Unread({ line }: { line: RoomLine }) {
    const t = useT();
    if (line.muted) return <span>{t("list.muted")}</span>;
    const [look, kind, count] = line.mentions ? (["count mention", "mentions", line.mentions] as const) : (["count", "unread", line.unread] as const);
    if (!count) return null;
    return (
        <span className={look}>
            <span aria-hidden="true">{t(`list.${kind}Short`, { count, shown: count > most ? `${most}+` : String(count) })}</span>
            <span className="unseen">{t(`list.${kind}`, { count })}</span>
        </span>
    );
}
