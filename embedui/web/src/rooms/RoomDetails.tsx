import { RoomStateEvent, type Room, type RoomMember } from "matrix-js-sdk";
import { useCallback, useEffect, useRef, useState } from "react";
import { go } from "../app/route";
import { useNarrow } from "../app/useNarrow";
import { useClient } from "../client/context";
import { useEvents } from "../client/events";
import { spoken } from "../client/identifier";
import { useT } from "../i18n";
import { inDays } from "../i18n/dates";
import { Avatar } from "../ui/Avatar";
import { Button } from "../ui/Button";
import { Fault } from "../ui/Fault";
import { useAction } from "../ui/useAction";
import InviteDialog from "./InviteDialog";
import { memberName } from "./preview";
import { peopleOf } from "./people";
import { keptDays } from "./retention";

const changes = [RoomStateEvent.Members, RoomStateEvent.Events] as const;

/** Who is in a room: beside it, or a page of its own on a narrow screen. */
export default function RoomDetails({ room }: { room: Room }) {
    const t = useT();
    const { config } = useClient();
    const narrow = useNarrow();
    useEvents(room, changes);
    const [inviting, setInviting] = useState(false);
    const heading = useRef<HTMLHeadingElement>(null);
    const load = useAction(useCallback(() => room.loadMembersIfNeeded(), [room]));
    useEffect(() => load.run(), [load.run]);
    useEffect(() => heading.current?.focus(), []);

    const kept = keptDays(room.currentState.getStateEvents("m.room.retention", "")?.getContent());
    const people = peopleOf(room, config.custodian);
    const Frame = narrow ? "main" : "aside";
    const Title = narrow ? "h1" : "h2";
    return (
        <Frame className="details" aria-labelledby="details-title">
            <div className="details-header">
                <Title id="details-title" ref={heading} tabIndex={-1}>
                    {t("details.title", { name: room.name })}
                </Title>
                <Button look="bare" onPress={() => go({ page: "room", id: room.roomId, details: false })}>
                    {t("details.close")}
                </Button>
            </div>
            <Button onPress={() => setInviting(true)}>{t("room.invite")}</Button>
            <Fault>{load.fault}</Fault>
            <MemberSection level={narrow ? "h2" : "h3"} title={t("details.members")} members={people.joined} room={room} />
            <MemberSection level={narrow ? "h2" : "h3"} title={t("details.invited")} members={people.invited} room={room} />
            {people.custodian && <p className="quiet">{t("details.custodian")}</p>}
            {kept !== null && <p className="quiet">{t("details.kept", { days: inDays(kept) })}</p>}
            {inviting && <InviteDialog room={room} onClose={() => setInviting(false)} />}
        </Frame>
    );
}

interface SectionProps {
    level: "h2" | "h3";
    title: string;
    members: RoomMember[];
    room: Room;
}

function MemberSection({ level: Heading, title, members, room }: SectionProps) {
    if (!members.length) return null;
    return (
        <section aria-label={title}>
            <Heading className="subtitle">{title}</Heading>
            <ul>
                {members.map((member) => (
                    <MemberLine key={member.userId} name={memberName(room, member.userId)} userId={member.userId} />
                ))}
            </ul>
        </section>
    );
}

function MemberLine({ name, userId }: { name: string; userId: string }) {
    const { config } = useClient();
    const identifier = spoken(userId, config.server_name);
    return (
        <li className="member">
            <Avatar name={name} />
            <span className="words">
                <span className="name">{name}</span>
                {identifier !== name && <span className="quiet">{identifier}</span>}
            </span>
        </li>
    );
}
