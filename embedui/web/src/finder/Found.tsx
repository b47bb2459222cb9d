import { useEffect, useRef } from "react";
import { useT } from "../i18n";
import { Avatar } from "../ui/Avatar";
import { optionId } from "./Finder";
import type { Entry } from "./rank";
import type { Group } from "./useFound";

interface Props {
    groups: Group[];
    chosen: Entry | undefined;
    onOpen(entry: Entry): void;
}

/** What was found, by kind. The field has the focus: a press here takes it from there only to open something. */
export function Found({ groups, chosen, onOpen }: Props) {
    const t = useT();
    const list = useRef<HTMLDivElement>(null);
    const id = chosen && optionId(chosen);
    useEffect(() => void list.current!.querySelector("[aria-selected=true]")?.scrollIntoView({ block: "nearest" }), [id]);
    return (
        <div className="found" role="listbox" id="finder-list" aria-label={t("finder.found")} ref={list} onPointerDown={(event) => event.preventDefault()}>
            {groups.map((group) => (
                <div key={group.name} role="group" aria-labelledby={`found-${group.name}`}>
                    <p id={`found-${group.name}`} className="group-name" role="presentation">{t(`finder.${group.name}`)}</p>
                    {group.entries.map((entry) => <Option key={entry.key} entry={entry} selected={entry === chosen} onOpen={onOpen} />)}
                </div>
            ))}
        </div>
    );
}

function Option({ entry, selected, onOpen }: { entry: Entry; selected: boolean; onOpen(entry: Entry): void }) {
    const t = useT();
    return (
        <div role="option" id={optionId(entry)} aria-selected={selected} className="row" onClick={() => onOpen(entry)}>
            {entry.kind === "action" ? <span /> : <Avatar name={entry.label} mxc={entry.avatar} shape={entry.round ? "round" : "square"} />}
            <span className="words">
                <span className="name">{entry.label}</span>
                {entry.detail && <span className="preview">{entry.detail}</span>}
            </span>
            {(entry.kind === "person" || entry.kind === "public") && <span className="when">{t(`finder.does.${entry.kind}`)}</span>}
        </div>
    );
}
