import type { Room } from "matrix-js-sdk";
import { useState } from "react";
import { useT } from "../i18n";
import { Button } from "../ui/Button";
import { DialogueFrame } from "../ui/DialogueFrame";
import { useFocusAfter } from "../ui/focus";
import { lazyPart } from "../ui/lazy";
import { pollStart } from "./poll";

const NewPoll = lazyPart(() => import("./NewPoll"), { frame: DialogueFrame });

/** Begins a poll, where one may. */
export function PollButton({ room }: { room: Room }) {
    const t = useT();
    const [open, setOpen] = useState(false);
    const button = useFocusAfter<HTMLButtonElement>(open);
    if (!room.currentState.maySendEvent(pollStart, room.myUserId)) return null;
    return (
        <>
            <Button ref={button} look="bare" aria-haspopup="dialog" onPress={() => setOpen(true)}>{t("poll.open")}</Button>
            {open && <NewPoll room={room} onClose={() => setOpen(false)} />}
        </>
    );
}
