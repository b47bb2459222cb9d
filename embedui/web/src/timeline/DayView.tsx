import type { Room } from "matrix-js-sdk";
import { useState } from "react";
import { useT } from "../i18n";
import { day } from "../i18n/dates";
import { useFocusAfter } from "../ui/focus";
import { DialogueFrame } from "../ui/DialogueFrame";
import { lazyPart } from "../ui/lazy";

const DateJump = lazyPart(() => import("./DateJump"), { frame: DialogueFrame });

/** Where a day begins; pressed, it asks for another one. */
export function DayView({ at, room }: { at: number; room: Room }) {
    const t = useT();
    const [asking, setAsking] = useState(false);
    const button = useFocusAfter<HTMLButtonElement>(asking);
    return (
        <div className="day">
            <h2>
                <button
                    ref={button} type="button" tabIndex={-1} data-stop aria-haspopup="dialog" aria-label={t("dateJump.open", { day: day(at) })} onClick={() => setAsking(true)}
                >
                    {day(at)}
                </button>
            </h2>
            {asking && <DateJump room={room} at={at} onClose={() => setAsking(false)} />}
        </div>
    );
}
