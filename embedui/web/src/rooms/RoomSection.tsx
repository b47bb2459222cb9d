import type { MouseEvent } from "react";
import { go, pathOf, useRoute, type Route } from "../app/route";
import { shortly } from "../i18n/dates";
import { useT } from "../i18n";
import { Avatar } from "../ui/Avatar";
import type { RoomLine } from "./list";

/** A heading and the rooms under it. */
export function RoomSection({ title, lines }: { title: string; lines: RoomLine[] }) {
    if (!lines.length) return null;
    return (
        <section aria-label={title}>
            <h2>{title}</h2>
            <ul>
                {lines.map((line) => (
                    <li key={line.id}>
                        <RoomLink line={line} />
                    </li>
                ))}
            </ul>
        </section>
    );
}

function RoomLink({ line }: { line: RoomLine }) {
    const route = useRoute();
    const to: Route = { page: "room", id: line.id, details: false };
    const current = route.page === "room" && route.id === line.id;
    const follow = (event: MouseEvent) => {
        if (event.ctrlKey || event.metaKey || event.shiftKey) return;
        event.preventDefault();
        go(to);
    };
    return (
        <a href={pathOf(to)} onClick={follow} className={line.unread ? "row new" : "row"} aria-current={current ? "page" : undefined}>
            <Avatar name={line.name} shape={line.conversation ? "round" : "square"} />
            <span className="words">
                <span className="name">{line.name}</span>
                {line.preview && <span className="preview">{line.preview}</span>}
            </span>
            <span className="when">
                {line.preview && shortly(line.at)}
                <Unread line={line} />
            </span>
        </a>
    );
}

function Unread({ line }: { line: RoomLine }) {
    const t = useT();
    if (!line.unread) return null;
    const [look, text, words] = line.mentions
        ? ["count mention", `@${line.mentions}`, t("list.mentions", { count: line.mentions })]
        : ["count", String(line.unread), t("list.unread", { count: line.unread })];
    return (
        <span className={look}>
            <span aria-hidden="true">{text}</span>
            <span className="unseen">{words}</span>
        </span>
    );
}
