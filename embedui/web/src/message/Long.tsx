import { useState, type ReactNode } from "react";
import { useT } from "../i18n";

const most = { characters: 3000, lines: 40 };

/** Whether a text is more than one wants to see at once. */
export function isLong(text: string): boolean {
    return text.length > most.characters || text.split("\n", most.lines + 1).length > most.lines;
}

/** The beginning of a long message, and the rest when one wants it. What isn't in sight can't be reached either. */
export function Long({ children }: { children: ReactNode }) {
    const t = useT();
    const [open, setOpen] = useState(false);
    return (
        <div className="long">
            <div className={open ? undefined : "clipped"} inert={!open}>{children}</div>
            <button type="button" className="plain-link" aria-expanded={open} onClick={() => setOpen(!open)}>
                {t(open ? "message.less" : "message.rest")}
            </button>
        </div>
    );
}
