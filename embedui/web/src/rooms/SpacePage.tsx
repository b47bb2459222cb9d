import { RoomEvent, RoomStateEvent, type Room } from "matrix-js-sdk";
import { useState } from "react";
import { go } from "../app/route";
import { useNarrow } from "../app/useNarrow";
import { useClient } from "../client/context";
import { useEvents } from "../client/events";
import { useT } from "../i18n";
import { useRooms } from "../list/context";
import { Avatar } from "../ui/Avatar";
import { Button } from "../ui/Button";
import { Fault } from "../ui/Fault";
import { useFocusHere } from "../ui/focus";
import { useTitle } from "../ui/title";
import InviteDialog from "./InviteDialog";
import { headCount } from "./people";
import { SpaceRoom } from "./SpaceRoom";
import { useHierarchy } from "./useHierarchy";

const changes = [RoomEvent.Name, RoomStateEvent.Events] as const;

/** A space: what it is for, its salons, and the way into them. */
export default function SpacePage({ id }: { id: string }) {
    const t = useT();
    const { mx } = useClient();
    const { spaces } = useRooms();
    const room = mx.getRoom(id);
    if (room && spaces.some((space) => space.id === id)) return <Space room={room} />;
    return (
        <main className="welcome" id="content" tabIndex={-1}>
            <h1>{t("space.missingTitle")}</h1>
            <p className="quiet">{t("space.missing")}</p>
            <Button onPress={() => go({ page: "home" })}>{t("room.back")}</Button>
        </main>
    );
}

function Space({ room }: { room: Room }) {
    const t = useT();
    const { config } = useClient();
    const narrow = useNarrow();
    useTitle(room.name);
    useEvents(room, changes);
    const heading = useFocusHere<HTMLHeadingElement>();
    const [inviting, setInviting] = useState(false);
    const topic: unknown = room.currentState.getStateEvents("m.room.topic", "")?.getContent().topic;
    return (
        <main className="page" id="content" tabIndex={-1}>
            <header className="page-header">
                {narrow && <Button look="bare" aria-label={t("room.back")} onPress={() => go({ page: "home" })}>{t("room.backShort")}</Button>}
                <Avatar name={room.name} mxc={room.getMxcAvatarUrl()} shape="square" />
                <div className="titles">
                    <h1 ref={heading} tabIndex={-1}>{room.name}</h1>
                    <p className="quiet">{t("space.about", { count: headCount(room, config.custodian) })}</p>
                </div>
                <Button onPress={() => setInviting(true)}>{t("room.invite")}</Button>
            </header>
            {typeof topic === "string" && topic && <p className="topic">{topic}</p>}
            <SpaceRooms room={room} />
            {inviting && <InviteDialog room={room} onClose={() => setInviting(false)} />}
        </main>
    );
}

function SpaceRooms({ room }: { room: Room }) {
    const t = useT();
    const { rooms, busy, fault, more, load } = useHierarchy(room);
    return (
        <section aria-labelledby="space-rooms">
            <h2 id="space-rooms">{t("space.rooms")}</h2>
            <ul className="cards">
                {rooms.map((child) => <SpaceRoom key={child.room_id} child={child} />)}
            </ul>
            <p role="status" className="quiet">{busy ? t("space.loading") : rooms.length ? "" : t("space.none")}</p>
            <Fault>{fault}</Fault>
            {(more || fault) && !busy && <Button onPress={load}>{t(fault ? "part.retry" : "space.more")}</Button>}
        </section>
    );
}
