import { ClientEvent, RoomEvent, RoomMemberEvent, MatrixEventEvent } from "matrix-js-sdk";
import { useMemo } from "react";
import { useClient } from "../client/context";
import { useEvents } from "../client/events";
import { useT } from "../i18n";
import { RecoveryBanner } from "../recovery/RecoveryGate";
import { InvitationCard } from "../rooms/InvitationCard";
import { roomList } from "../rooms/list";
import { RoomSection } from "../rooms/RoomSection";
import { Bell } from "../ui/Bell";
import { Button } from "../ui/Button";
import { useFocusHere } from "../ui/focus";
import { useTitle } from "../ui/title";
import { Connection } from "./Connection";
import type { Dialogue } from "./Dialogues";
import { useNarrow } from "./useNarrow";

const changes = [
    ClientEvent.Room, ClientEvent.DeleteRoom, ClientEvent.AccountData, RoomEvent.Name, RoomEvent.Timeline, RoomEvent.MyMembership,
    RoomEvent.UnreadNotifications, RoomEvent.LocalEchoUpdated, RoomMemberEvent.Name, MatrixEventEvent.Decrypted,
] as const;

/** Conversations, salons and invitations, and what makes new ones. */
export function Sidebar({ onOpen }: { onOpen(dialogue: Dialogue): void }) {
    const t = useT();
    const { mx, config } = useClient();
    const narrow = useNarrow();
    const version = useEvents(mx, changes);
    const rooms = useMemo(() => roomList(mx), [mx, version, t]);
    const Town = narrow ? "h1" : "p";
    const heading = useFocusHere<HTMLHeadingElement>();
    const empty = rooms.conversations.length + rooms.salons.length + rooms.invitations.length === 0;

    return (
        <nav className="sidebar" id="list" tabIndex={-1} aria-label={t("list.label")}>
            {narrow && <ListTitle />}
            <div className="town">
                <Bell />
                <div>
                    <Town className="name" ref={heading} tabIndex={narrow ? -1 : undefined}>{config.name || config.server_name}</Town>
                    <Connection />
                </div>
                <Button look="bare" onPress={() => onOpen("account")}>
                    {t("account.open")}
                </Button>
            </div>
            <div className="make">
                <Button onPress={() => onOpen("conversation")}>{t("list.newConversation")}</Button>
                <Button onPress={() => onOpen("salon")}>{t("list.newSalon")}</Button>
            </div>
            <div className="rooms">
                <RecoveryBanner />
                {rooms.invitations.length > 0 && (
                    <section aria-label={t("list.invitations")}>
                        <h2>{t("list.invitations")}</h2>
                        <ul>{rooms.invitations.map((invitation) => <InvitationCard key={invitation.id} invitation={invitation} />)}</ul>
                    </section>
                )}
                {empty && <p className="empty quiet">{t("list.empty")}</p>}
                <RoomSection title={t("list.conversations")} lines={rooms.conversations} />
                <RoomSection title={t("list.salons")} lines={rooms.salons} />
            </div>
        </nav>
    );
}

function ListTitle() {
    useTitle(useT()("home.title"));
    return null;
}
