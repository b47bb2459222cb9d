import { ClientEvent, KnownMembership, RoomEvent, RoomMemberEvent, RoomStateEvent, SyncState, type Room } from "matrix-js-sdk";
import { useEffect, useState } from "react";
import { arrived, go } from "../app/route";
import { useNarrow } from "../app/useNarrow";
import { useClient } from "../client/context";
import { useEvents } from "../client/events";
import { useT } from "../i18n";
import { useShownThread } from "../message/jump";
import { ThreadsButton } from "../threads/ThreadsButton";
import { Composer, focusComposer } from "../timeline/Composer";
import { Timeline } from "../timeline/Timeline";
import { Avatar } from "../ui/Avatar";
import { Button } from "../ui/Button";
import { DialogueFrame } from "../ui/DialogueFrame";
import { useFocusAfter, useFocusHere } from "../ui/focus";
import { lazyPart } from "../ui/lazy";
import { useTitle } from "../ui/title";
import { isConversation } from "./direct";
import { headCount } from "./people";

const RoomDetails = lazyPart(() => import("./RoomDetails"), { frame: ({ children }) => <aside className="details">{children}</aside> });
const Threads = lazyPart(() => import("../threads/Threads"), { frame: ({ children }) => <aside className="details">{children}</aside> });
const InviteDialog = lazyPart(() => import("./InviteDialog"), { frame: DialogueFrame });

const arrivals = [ClientEvent.Room, ClientEvent.Sync, RoomEvent.MyMembership] as const;

/** A room, or the sentence that it can't be shown. */
export function RoomPage({ id, details }: { id: string; details: boolean }) {
    const narrow = useNarrow();
    const { mx } = useClient();
    const thread = useShownThread();
    useEvents(mx, arrivals);
    const room = mx.getRoom(id);
    if (room?.getMyMembership() !== KnownMembership.Join) {
        return mx.getSyncState() === SyncState.Syncing ? <NoRoom /> : <Awaited />; // what the browser kept may be older than the room
    }
    const aside = details ? <RoomDetails room={room} /> : thread !== null && <Threads key={thread} room={room} root={thread} />;
    return (
        <>
            {!(narrow && aside) && <RoomMain id={id} room={room} details={details} />}
            {aside}
        </>
    );
}

function Awaited() {
    const t = useT();
    return (
        <main className="welcome" id="content" tabIndex={-1} aria-busy="true">
            <p role="status">{t("opening.title")}</p>
        </main>
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
    const heading = useFocusHere<HTMLHeadingElement>();
    const detailsButton = useFocusAfter<HTMLButtonElement>(details);
    useEffect(() => void (arrived() && focusComposer()), []);
    const inviteButton = useFocusAfter<HTMLButtonElement>(inviting);
    const conversation = isConversation(mx, room);
    const avatar = room.getMxcAvatarUrl() ?? room.getAvatarFallbackMember()?.getMxcAvatarUrl();
    const facts = [t("room.members", { count: headCount(room, config.custodian) }), room.hasEncryptionStateEvent() ? t("room.encrypted") : t("room.plain")];

    return (
        <main className="room" id="content" tabIndex={-1}>
            <header className="room-header">
                {narrow && (
                    <Button look="bare" aria-label={t("room.back")} onPress={() => go({ page: "home" })}>
                        {t("room.backShort")}
                    </Button>
                )}
                <Avatar name={room.name} mxc={avatar} shape={conversation ? "round" : "square"} />
                <div className="titles">
                    <h1 ref={heading} tabIndex={-1}>{room.name}</h1>
                    <p className="quiet">{facts.join(" · ")}</p>
                </div>
                {!narrow && <Button ref={inviteButton} onPress={() => setInviting(true)}>{t("room.invite")}</Button>}
                <ThreadsButton room={room} />
                <Button ref={detailsButton} aria-expanded={narrow ? undefined : details} onPress={() => go({ page: "room", id, details: !details })}>
                    {t("room.details")}
                </Button>
            </header>
            <Timeline key={room.roomId} room={room} />
            <Composer room={room} />
            {inviting && <InviteDialog room={room} onClose={() => setInviting(false)} />}
        </main>
    );
}
