import { EventType, MsgType, type Room } from "matrix-js-sdk";
import { useLayoutEffect, useRef, useState, type FormEvent, type KeyboardEvent } from "react";
import { useClient } from "../client/context";
import { useT } from "../i18n";
import { Button } from "../ui/Button";

const tallest = 200; // pixels

/** Where the focus goes when what it was on goes away. */
export function focusComposer(): void {
    document.getElementById("composer")?.focus();
}

/** Where one writes. What is not sent yet stays in the timeline, with its state; so nothing is waited for here. */
export function Composer({ room }: { room: Room }) {
    const t = useT();
    const { mx } = useClient();
    const [text, setText] = useState("");
    const box = useRef<HTMLTextAreaElement>(null);
    useLayoutEffect(() => {
        box.current!.style.height = "auto";
        box.current!.style.height = `${Math.min(box.current!.scrollHeight + 2, tallest)}px`;
    }, [text]);

    const send = (event?: FormEvent): void => {
        event?.preventDefault();
        const body = text.trim();
        if (!body) return;
        setText("");
        box.current!.focus();
        void mx.sendEvent(room.roomId, EventType.RoomMessage, { msgtype: MsgType.Text, body }).catch(() => {}); // told in the timeline
    };
    const key = (event: KeyboardEvent): void => {
        if (event.key !== "Enter" || event.shiftKey || event.nativeEvent.isComposing) return;
        event.preventDefault();
        send();
    };
    const label = t("composer.label", { name: room.name });
    return (
        <form className="composer" onSubmit={send}>
            <div className="writing">
                <textarea
                    ref={box} id="composer" className="input" rows={1} value={text} aria-label={label} placeholder={label} aria-describedby="composer-hint"
                    onChange={(event) => setText(event.target.value)} onKeyDown={key} enterKeyHint="send"
                />
                <Button look="primary" type="submit">
                    {t("composer.send")}
                </Button>
            </div>
            <p className="quiet" id="composer-hint">
                {t("composer.hint")}
            </p>
        </form>
    );
}
