import type { Room } from "matrix-js-sdk";
import { useState } from "react";
import { useT } from "../i18n";
import type { Message } from "../timeline/items";
import { useFocusAfter } from "../ui/focus";
import { lazyPart } from "../ui/lazy";

const EditHistory = lazyPart(() => import("./EditHistory"));

/** Says that a message was changed, and shows how. */
export function Edited({ message, room }: { message: Message; room: Room }) {
    const t = useT();
    const [open, setOpen] = useState(false);
    const button = useFocusAfter<HTMLButtonElement>(open);
    return (
        <p className="aside">
            <button ref={button} type="button" className="plain-link" aria-haspopup="dialog" onClick={() => setOpen(true)}>
                {t("message.edited")}
            </button>
            {open && <EditHistory message={message} room={room} onClose={() => setOpen(false)} />}
        </p>
    );
}
