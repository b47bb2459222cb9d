import type { MatrixEvent, Room } from "matrix-js-sdk";
import { useEffect, useState } from "react";
import { useClient } from "../client/context";
import { useT } from "../i18n";
import { memberName } from "../rooms/preview";
import { bodyOf } from "../timeline/body";
import { brief } from "./brief";
import { showMessage } from "./jump";

/** The message that another one answers, in one line that leads to it. */
export function Quoted({ room, id }: { room: Room; id: string }) {
    const t = useT();
    const { mx } = useClient();
    const event = useOriginal(room, id);
    if (event === undefined) return <p className="quoted aside" aria-busy="true">{t("message.original.loading")}</p>;
    const body = event && bodyOf(event);
    if (!event || !body) return <p className="quoted aside">{t("message.original.missing")}</p>;
    const own = event.getSender() === mx.getUserId();
    const who = own ? t("message.you") : memberName(room, event.getSender()!);
    return (
        <button type="button" className="quoted" onClick={() => showMessage(room.roomId, id)}>
            <span className="unseen">{t("message.original.answers")} </span>
            <b><bdi>{who}</bdi></b> <span dir="auto">{brief(body)}</span>
        </button>
    );
}

/** Undefined while it is asked for; null: nobody has it for us. */
export function useOriginal(room: Room, id: string): MatrixEvent | null | undefined {
    const { originals } = useClient();
    const here = room.findEventById(id);
    const [fetched, setFetched] = useState<{ id: string; event: MatrixEvent | null } | null>(null);
    useEffect(() => {
        if (here) return;
        let over = false;
        void originals.get(room, id).then((event) => over || setFetched({ id, event }));
        return () => void (over = true);
    }, [originals, room, id, here]);
    return here ?? (fetched?.id === id ? fetched.event : undefined);
}
