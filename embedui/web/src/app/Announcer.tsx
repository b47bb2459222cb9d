import { RoomEvent, type MatrixEvent, type Room } from "matrix-js-sdk";
import { useEffect, useState } from "react";
import { caughtUp } from "../client/client";
import { useClient } from "../client/context";
import { useT } from "../i18n";
import { preview } from "../rooms/preview";

/** Tells screen readers of new messages, wherever they arrive; what was there before is read in its place. */
export function Announcer() {
    const t = useT();
    const { mx } = useClient();
    const [said, setSaid] = useState("");
    useEffect(() => {
        let over = false;
        const hear = (event: MatrixEvent, room: Room | undefined, toStart: boolean | undefined, _removed: boolean, data: { liveEvent?: boolean }): void => {
            if (!room || toStart || !data.liveEvent || event.getSender() === mx.getUserId()) return;
            void Promise.resolve(event.getDecryptionPromise()).then(() => {
                const text = !over && !event.isDecryptionFailure() && preview(event, room);
                if (text) setSaid(t("home.arrived", { room: room.name, text }));
            });
        };
        void caughtUp(mx).then(() => over || mx.on(RoomEvent.Timeline, hear));
        return () => {
            over = true;
            mx.off(RoomEvent.Timeline, hear);
        };
    }, [mx, t]);
    return (
        <p className="unseen" aria-live="polite">
            {said}
        </p>
    );
}
