import { ClientEvent, type Room } from "matrix-js-sdk";
import { useCallback } from "react";
import { useClient } from "../client/context";
import { useEvents } from "../client/events";
import { useT } from "../i18n";
import { Choice } from "../ui/Choice";
import { Fault } from "../ui/Fault";
import { useWish } from "../ui/useWish";
import { levelOf, levels, setLevel } from "./notifications";
import { setShelf, shelfOf, shelves } from "./tags";

const changes = [ClientEvent.AccountData] as const;

/** What only the account itself sees: how much a room calls, and where it stands in the list. */
export function RoomForMe({ room }: { room: Room }) {
    const t = useT();
    const { mx } = useClient();
    useEvents(mx, changes);
    const level = useWish(levelOf(mx.pushRules, room.roomId), useCallback((next: (typeof levels)[number]) => setLevel(mx, room.roomId, next), [mx, room]));
    const shelf = useWish(shelfOf(room), useCallback((next: (typeof shelves)[number]) => setShelf(mx, room, next), [mx, room]));
    return (
        <details className="for-me">
            <summary>{t("forMe.title")}</summary>
            <Choice
                label={t("forMe.notifications")} value={level.value} onChange={level.choose}
                options={levels.map((value) => ({ value, label: t(`forMe.level.${value}`) }))}
            />
            <Choice
                label={t("forMe.place")} value={shelf.value} onChange={shelf.choose}
                options={shelves.map((value) => ({ value, label: t(`forMe.shelf.${value}`) }))}
            />
            <Fault>{level.fault ?? shelf.fault}</Fault>
        </details>
    );
}
