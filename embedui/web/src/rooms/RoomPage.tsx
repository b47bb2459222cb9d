import { KnownMembership, RoomEvent, RoomMemberEvent, RoomStateEvent, type Room } from "matrix-js-sdk";
import { useState } from "react";
import { go } from "../app/route";
import { useNarrow } from "../app/useNarrow";
import { useClient } from "../client/context";
import { useEvents } from "../client/events";
import { useT } from "../i18n";
import { Composer } from "../timeline/Composer";
import { Timeline } from "../timeline/Timeline";
import { Avatar } from "../ui/Avatar";
import { Button } from "../ui/Button";
import { useTitle } from "../ui/title";
import { isConversation } from "./direct";
import { InviteDialog } from "./InviteDialog";
import { peopleOf } from "./people";
import { RoomDetails } from "./RoomDetails";

interface Props {
    id: string;
    room: Room | null;
    details: boolean;
}

/** A room, or the sentence that it can't be shown. */
export function RoomPage({ id, room, details }: Props) {
    const narrow = useNarrow();
    if (room?.getMyMembership() !== KnownMembership.Join) return <NoRoom />;
    return (
        <>
            {!(narrow && details) && <RoomMain id={id} room={room} details={details} />}
            {details && <RoomDetails room={room} />}
        </>
    );
}

function NoRoom() {
    const t = useT();
    useTitle(t("room.missingTitle"));
    return (
        <main className="welcome" id="content" tabIndex={-1}>
            <h1>{t("room.missingTitle")}</h1>
            <p className="quiet">{t("room.missing")}</p>
            <Button onPress={() => go({ page: "home" })}>{t("room.back")}</Button>
        </main>
    );
}

const changes = [RoomEvent.Name, RoomEvent.Summary, RoomStateEvent.Members, RoomStateEvent.Events, RoomMemberEvent.Membership] as const;

function RoomMain({ id, room, details }: { id: string; room: Room; details: boolean }) {
    const t = useT();
    const { mx, config } = useClient();
    const narrow = useNarrow();
    useEvents(room, changes);
    useTitle(room.name);
    const [inviting, setInviting] = useState(false);
    const conversation = isConversation(mx, room);
    const people = peopleOf(room, config.custodian);
    const facts = [t("room.members", { count: people.count }), room.hasEncryptionStateEvent() ? t("room.encrypted") : t("room.plain")];

    return (
        <main className="room" id="content" tabIndex={-1}>
            <header className="room-header">
                {narrow && (
                    <Button look="bare" onPress={() => go({ page: "home" })}>
                        {t("room.back")}
                    </Button>
                )}
                <Avatar name={room.name} shape={conversation ? "round" : "square"} />
                <div className="titles">
                    <h1>{room.name}</h1>
                    <p className="quiet">{facts.join(" · ")}</p>
                </div>
                {!narrow && <Button onPress={() => setInviting(true)}>{t("room.invite")}</Button>}
                <Button aria-expanded={narrow ? undefined : details} onPress={() => go({ page: "room", id, details: !details })}>
                    {t("room.details")}
                </Button>
            </header>
            <Timeline key={room.roomId} room={room} />
            <Composer room={room} />
            {inviting && <InviteDialog room={room} onClose={() => setInviting(false)} />}
        </main>
    );
}
