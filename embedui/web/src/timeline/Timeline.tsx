import type { Room } from "matrix-js-sdk";
import { useT } from "../i18n";
import { Fault } from "../ui/Fault";
import { History } from "./History";
import { PinnedBar } from "./PinnedBar";
import { Typing } from "./Typing";
import { usePlace } from "./usePlace";

/** A room's messages: they open at the first one that is not read, or at the one that the address names. */
export function Timeline({ room }: { room: Room }) {
    const t = useT();
    const { place, fault, show, showEnd } = usePlace(room);
    return (
        <div className="timeline-frame">
            <PinnedBar room={room} />
            <Fault>{fault}</Fault>
            {place ? <History room={room} place={place} show={show} showEnd={showEnd} /> : <p className="timeline quiet" role="status">{t("timeline.loading")}</p>}
            <Typing room={room} />
        </div>
    );
}
