import { ClientEvent, EventType, type MatrixEvent, type Room } from "matrix-js-sdk";
import { useEffect, useState } from "react";
import { useClient } from "../client/context";
import { useT } from "../i18n";
import { memberName } from "../rooms/preview";

/** Who is writing. It has its place also when nobody is, and is not said aloud: it would never end. */
export function Typing({ room }: { room: Room }) {
    const t = useT();
    const ids = useTyping(room);
    const [first, second] = ids.slice(0, 2).map((id) => memberName(room, id));
    const key = ids.length > 2 ? "many" : ids.length === 2 ? "two" : "one";
    return <p className="typing">{ids.length > 0 && t(`typing.${key}`, { first, second })}</p>;
}

/** From the event itself: of large rooms, the SDK doesn't know all members. */
function useTyping(room: Room): string[] {
    const { mx } = useClient();
    const [ids, setIds] = useState<string[]>([]);
    useEffect(() => {
        const hear = (event: MatrixEvent): void => {
            if (event.getType() !== EventType.Typing || event.getRoomId() !== room.roomId) return;
            const { user_ids: typing } = event.getContent<{ user_ids?: unknown }>();
            setIds(Array.isArray(typing) ? typing.filter((id) => typeof id === "string" && id !== mx.getUserId()) : []);
        };
        mx.on(ClientEvent.Event, hear);
        return () => void mx.off(ClientEvent.Event, hear);
    }, [mx, room]);
    return ids;
}
