import type { Room, RoomMember } from "matrix-js-sdk";
import { memo, useCallback, useLayoutEffect, useMemo, useRef, useState, type RefObject } from "react";
import { Virtualizer } from "virtua";
import { useClient } from "../client/context";
import { spoken } from "../client/identifier";
import { useT } from "../i18n";
import { Avatar } from "../ui/Avatar";
import { fold } from "../ui/fold";
import type { Stop } from "../ui/keys";
import { useOneStop } from "../ui/oneStop";
import { TextInput } from "../ui/TextInput";
import type { People } from "./people";
import { memberName } from "./preview";
import { roleOf } from "./roles";

const few = 12; // members that are found without a field to search in

type Line = Stop & { readonly member: RoomMember | null };

interface Props {
    room: Room;
    people: People;
    /** What scrolls: the list is the last thing in it. */
    pane: RefObject<HTMLElement | null>;
    level: "h2" | "h3";
    onMember(userId: string): void;
}

/** Everybody in a room, ten thousand if need be: only those who are seen are drawn. One stop of the Tab key. */
export function MemberList({ room, people, pane, level: Heading, onMember }: Props) {
    const t = useT();
    const [typed, setTyped] = useState("");
    const lines = useMemo(() => linesOf(room, people, typed), [room, people, typed]);
    const list = useRef<HTMLDivElement>(null);
    const margin = useMargin(list, pane);
    const { stop, keyDown, virtual, onFocus } = useOneStop(lines, null, pane);
    const draw = useCallback(
        ({ member, key, label }: Line, index: number) =>
            member ? <MemberRow key={key} member={member} name={label!} state={member.membership ?? ""} power={member.powerLevel} stop={index === stop} onOpen={onMember} />
            : <Heading key={key} className="subtitle">{t(`details.${key as "joined"}`)}</Heading>,
        [stop, t, Heading, onMember],
    );
    return (
        <>
            {people.joined.length > few && <TextInput label={t("details.find")} value={typed} onChange={setTyped} exact />}
            <p role="status" className={lines.length ? "unseen" : "quiet"}>{typed && t("details.found", { count: lines.filter(({ member }) => member).length })}</p>
            <div className="members" ref={list} onKeyDown={keyDown} onFocus={onFocus}>
                <Virtualizer ref={virtual} scrollRef={pane} startMargin={margin} data={lines} as="ul" item="li" keepMounted={stop < 0 ? [] : [stop]}>
                    {draw}
                </Virtualizer>
            </div>
        </>
    );
}

/** Under a heading each: who is there, who is invited, who is banned; only those with what was typed in their names. */
function linesOf(room: Room, people: People, typed: string): Line[] {
    const wanted = fold(typed.trim());
    return (["joined", "invited", "banned"] as const).flatMap((key): Line[] => {
        const all = people[key].map((member): Line => ({ key: member.userId, label: memberName(room, member.userId), member }));
        const some = wanted ? all.filter(({ label, member }) => fold(`${label} ${member!.userId}`).includes(wanted)) : all;
        return some.length ? [{ key, label: null, member: null }, ...some] : [];
    });
}

/** How far down the list begins in what scrolls. */
function useMargin(list: RefObject<HTMLElement | null>, pane: RefObject<HTMLElement | null>): number {
    const [margin, setMargin] = useState(0);
    useLayoutEffect(() => {
        const measure = (): void => setMargin(list.current!.offsetTop - pane.current!.offsetTop);
        const observer = new ResizeObserver(measure);
        [...pane.current!.children].filter((child) => child !== list.current).forEach((child) => observer.observe(child));
        measure();
        return () => observer.disconnect();
    }, [list, pane]);
    return margin;
}

interface RowProps {
    member: RoomMember;
    name: string;
    /** The SDK changes members in place: what is drawn of them makes the row new. */
    state: string;
    power: number;
    stop: boolean;
    onOpen(userId: string): void;
}

const MemberRow = memo(function MemberRow({ member, name, state, stop, onOpen }: RowProps) {
    const t = useT();
    const { config } = useClient();
    const identifier = spoken(member.userId, config.server_name);
    const role = roleOf(member);
    return (
        <button type="button" className="member" data-stop={member.userId} tabIndex={stop ? 0 : -1} onClick={() => onOpen(member.userId)}>
            <Avatar name={name} mxc={member.getMxcAvatarUrl()} />
            <span className="words">
                <span className="name">{name}</span>
                {identifier !== name && <span className="quiet">{identifier}</span>}
                {state === "join" && role !== "member" && <span className="role">{t(`roles.${role}`)}</span>}
            </span>
        </button>
    );
});
