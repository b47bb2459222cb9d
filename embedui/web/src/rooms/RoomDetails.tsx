import { RoomEvent, RoomMemberEvent, RoomStateEvent, type Room } from "matrix-js-sdk";
import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import { go } from "../app/route";
import { useNarrow } from "../app/useNarrow";
import { useClient } from "../client/context";
import { useEvents } from "../client/events";
import { useT } from "../i18n";
import { inDays } from "../i18n/dates";
import { Button } from "../ui/Button";
import { DialogueFrame } from "../ui/DialogueFrame";
import { Fault } from "../ui/Fault";
import { lazyPart } from "../ui/lazy";
import { useAction } from "../ui/useAction";
import InviteDialog from "./InviteDialog";
import { Knocks } from "./Knocks";
import { MemberList } from "./MemberList";
import { peopleOf } from "./people";
import { keptDays } from "./retention";
import { RoomForMe } from "./RoomForMe";

const frame = DialogueFrame;
const MemberDialog = lazyPart(() => import("./MemberDialog"), { frame });
const LeaveDialog = lazyPart(() => import("./LeaveDialog"), { frame });
const ReportDialog = lazyPart(() => import("./ReportDialog"), { frame });

const changes = [RoomStateEvent.Members, RoomStateEvent.Events, RoomMemberEvent.PowerLevel, RoomEvent.Tags] as const;

type Open = "invite" | "leave" | "report" | { member: string };

/** What a room is and who is in it: beside it, or a page of its own on a narrow screen. */
export default function RoomDetails({ room }: { room: Room }) {
    const narrow = useNarrow();
    const [open, setOpen] = useState<Open | null>(null);
    const close = (): void => setOpen(null);
    return (
        <>
            <Pane key={narrow ? "page" : "beside"} room={room} narrow={narrow} onOpen={setOpen} />
            {open === "invite" && <InviteDialog room={room} onClose={close} />}
            {open === "leave" && <LeaveDialog room={room} onClose={close} />}
            {open !== null && typeof open === "object" && <MemberDialog room={room} userId={open.member} onClose={close} />}
            {open === "report" && <ReportDialog what={{ roomId: room.roomId }} name={room.name} onClose={close} />}
        </>
    );
}

function Pane({ room, narrow, onOpen }: { room: Room; narrow: boolean; onOpen(what: Open): void }) {
    const t = useT();
    const { config } = useClient();
    const version = useEvents(room, changes);
    const heading = useRef<HTMLHeadingElement>(null);
    const [frameElement, setFrameElement] = useState<HTMLElement | null>(null);
    const pane = useMemo(() => ({ current: frameElement }), [frameElement]); // there before what measures it is drawn
    const load = useAction(useCallback(() => room.loadMembersIfNeeded(), [room]));
    useEffect(() => load.run(), [load.run]);
    useEffect(() => heading.current?.focus(), []);

    const people = useMemo(() => peopleOf(room, config.custodian), [room, config.custodian, version]);
    const onMember = useCallback((member: string) => onOpen({ member }), [onOpen]);
    const Frame = narrow ? "main" : "aside";
    const Title = narrow ? "h1" : "h2";
    const level = narrow ? "h2" : "h3";
    return (
        <Frame className="details" aria-labelledby="details-title" ref={setFrameElement}>
            <div className="above">
                <div className="details-header">
                    <Title id="details-title" ref={heading} tabIndex={-1}>
                        {t("details.title", { name: room.name })}
                    </Title>
                    <Button look="bare" onPress={() => go({ page: "room", id: room.roomId, details: false })}>
                        {t("details.close")}
                    </Button>
                </div>
                <Knocks room={room} asking={people.knocking} level={level} />
                <About room={room} custodian={people.custodian} />
                <RoomForMe room={room} />
                <div className="buttons">
                    <Button onPress={() => onOpen("invite")}>{t("room.invite")}</Button>
                    <Button onPress={() => onOpen("report")}>{t("details.report")}</Button>
                    <Button look="danger" onPress={() => onOpen("leave")}>{t("details.leave")}</Button>
                </div>
                <Fault>{load.fault}</Fault>
            </div>
            {frameElement && <MemberList room={room} people={people} pane={pane} level={level} onMember={onMember} />}
        </Frame>
    );
}

/** What the room says of itself. */
function About({ room, custodian }: { room: Room; custodian: boolean }) {
    const t = useT();
    const state = (type: string): Record<string, unknown> | undefined => room.currentState.getStateEvents(type, "")?.getContent();
    const kept = keptDays(state("m.room.retention"));
    const topic = state("m.room.topic")?.topic;
    return (
        <>
            {typeof topic === "string" && topic && <p>{topic}</p>}
            {custodian && <p className="quiet">{t("details.custodian")}</p>}
            {kept !== null && <p className="quiet">{t("details.kept", { days: inDays(kept) })}</p>}
        </>
    );
}
