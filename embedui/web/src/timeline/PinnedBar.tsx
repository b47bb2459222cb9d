import { RoomStateEvent, type Room } from "matrix-js-sdk";
import { useState } from "react";
import { useEvents } from "../client/events";
import { useT } from "../i18n";
import { Button } from "../ui/Button";
import { useFocusAfter } from "../ui/focus";
import { DialogueFrame } from "../ui/DialogueFrame";
import { lazyPart } from "../ui/lazy";
import { pinnedIds } from "./pins";

const PinnedList = lazyPart(() => import("./PinnedList"), { frame: DialogueFrame });
const changes = [RoomStateEvent.Events] as const;

/** Above the messages, when some are pinned. */
export function PinnedBar({ room }: { room: Room }) {
    const t = useT();
    useEvents(room, changes);
    const [open, setOpen] = useState(false);
    const button = useFocusAfter<HTMLButtonElement>(open);
    const count = pinnedIds(room).length;
    if (!count && !open) return null;
    return (
        <div className="pinned-bar">
            <Button ref={button} look="bare" aria-haspopup="dialog" onPress={() => setOpen(true)}>{t("pinned.open", { count })}</Button>
            {open && <PinnedList room={room} onClose={() => setOpen(false)} />}
        </div>
    );
}
