import { RoomEvent, type MatrixEvent, type Room } from "matrix-js-sdk";
import { createContext, use } from "react";
import { useEvents } from "../client/events";
import { useClient } from "../client/context";
import { useT } from "../i18n";
import { memberName } from "../rooms/preview";
import { Avatar } from "../ui/Avatar";

const most = 4; // people who are shown; the others are counted
const changes = [RoomEvent.Receipt] as const;

/** Rises when somebody has read something. */
export const ReceiptsContext = createContext(0);

export function useReceiptsVersion(room: Room): number {
    return useEvents(room, changes);
}

interface Props {
    room: Room;
    event: MatrixEvent;
    /** Events after it that are no lines: who has read them has read this. */
    hidden: MatrixEvent[] | undefined;
}

/** Who has read up to a message, and no further. */
export function ReadBy({ room, event, hidden }: Props) {
    use(ReceiptsContext);
    const t = useT();
    const { config } = useClient();
    const ids = readers(room, hidden ? [event, ...hidden] : [event], [event.getSender(), config.custodian]);
    if (!ids.length) return null;
    const names = ids.slice(0, most).map((id) => memberName(room, id));
    const rest = ids.length > most ? t("readBy.rest", { count: ids.length - most }) : "";
    const words = t("readBy.some", { names: [names.join(", "), rest].filter(Boolean).join(" ") });
    return (
        <p className="read-by" title={words}>
            <span className="unseen">{words}</span>
            {names.map((name, i) => <Avatar key={ids[i]} name={name} />)}
            {rest && <span aria-hidden="true">+{ids.length - most}</span>}
        </p>
    );
}

function readers(room: Room, events: MatrixEvent[], without: (string | undefined)[]): string[] {
    const ids = new Set(events.flatMap((event) => room.getReceiptsForEvent(event).map(({ userId }) => userId)));
    return [...ids].filter((id) => id !== room.myUserId && !without.includes(id));
}
