import type { Room } from "matrix-js-sdk";
import { use, useRef, useState } from "react";
import { flushSync } from "react-dom";
import { useT } from "../i18n";
import { ThreadContext } from "../threads/context";
import { focusComposer } from "../timeline/Composer";
import type { Message } from "../timeline/items";
import { lazyPart } from "../ui/lazy";

const MessageMenu = lazyPart(() => import("./MessageMenu"));

/** What one can do with a message, behind one button; a long touch of the message opens it too (timeline/MessageView). */
export function Actions({ message, room }: { message: Message; room: Room }) {
    const t = useT();
    const thread = use(ThreadContext);
    const [open, setOpen] = useState(false);
    const [said, setSaid] = useState("");
    const anchor = useRef<HTMLButtonElement>(null);
    const close = (done = "", writes = false): void => {
        flushSync(() => (setOpen(false), setSaid(done))); // the menu holds the focus while it is there
        if (writes) focusComposer(thread);
        else anchor.current?.focus();
    };
    return (
        <div className="actions">
            <button ref={anchor} type="button" data-actions aria-haspopup="menu" aria-expanded={open} onClick={() => (setSaid(""), setOpen(true))}>
                {t("actions.open")}
            </button>
            <span role="status">{said}</span>
            {open && <MessageMenu message={message} room={room} anchor={anchor} onClose={close} />}
        </div>
    );
}
