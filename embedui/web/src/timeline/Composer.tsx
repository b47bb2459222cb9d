import type { Room } from "matrix-js-sdk";
import { useRef, useState, type FormEvent, type KeyboardEvent } from "react";
import { useT } from "../i18n";
import { CompletionList, optionId } from "../message/CompletionList";
import type { Candidate } from "../message/completion";
import { EmojiButton } from "../message/EmojiButton";
import { useCompletion } from "../message/useCompletion";
import { PollButton } from "../polls/PollButton";
import { Purpose } from "../send/Purpose";
import { lastOwn } from "../send/write";
import { useGrowing, usePaste, insert } from "../send/textarea";
import { useWriting } from "../send/useWriting";
import { Button } from "../ui/Button";

/** Where the focus goes when what it was on goes away. */
export function focusComposer(thread?: string): void {
    document.getElementById(boxId(thread))?.focus();
}

const boxId = (thread?: string): string => (thread ? "composer-thread" : "composer");

/** Where one writes, in a room or in one of its threads. What is not sent yet stays in the timeline, with its state; so nothing is waited for here. */
export function Composer({ room, thread }: { room: Room; thread?: string }) {
    const t = useT();
    if (!room.maySendMessage()) return <p className="composer quiet">{t("composer.readOnly")}</p>;
    return <Writing room={room} thread={thread} />;
}

function Writing({ room, thread }: { room: Room; thread?: string }) {
    const t = useT();
    const id = boxId(thread);
    const box = useRef<HTMLTextAreaElement>(null);
    const [cursor, setCursor] = useState(0);
    const writing = useWriting(room, thread, box);
    const { draft } = writing;
    useGrowing(box, draft.text);
    const paste = usePaste();
    const choose = (option: Candidate, from: number): void => {
        if ("mention" in option) writing.mention(option.mention as never);
        insert(box.current!, from, box.current!.selectionStart, `${option.text} `);
    };
    const completion = useCompletion(room, draft.text, cursor, choose);
    const open = completion.options.length > 0;

    const send = (event?: FormEvent): void => {
        event?.preventDefault();
        writing.send();
        box.current!.focus();
    };
    const key = (event: KeyboardEvent): void => {
        if (completion.key(event)) return;
        if (event.key === "Escape" && (draft.edit || draft.reply)) return event.stopPropagation(), writing.cancel();
        if (event.key === "ArrowUp" && !draft.text && !draft.edit && !event.shiftKey) return editLast(event);
        if (event.key !== "Enter" || event.shiftKey || event.nativeEvent.isComposing) return;
        event.preventDefault();
        send();
    };
    const editLast = (event: KeyboardEvent): void => {
        const last = lastOwn(room, thread, room.myUserId);
        if (!last) return;
        event.preventDefault();
        writing.edit(last);
    };
    const label = t(thread ? "composer.inThread" : "composer.label", { name: room.name });
    return (
        <form className="composer" onSubmit={send}>
            <Purpose room={room} draft={draft} onCancel={writing.cancel} />
            <CompletionList completion={completion} box={id} />
            <div className="writing">
                <textarea
                    ref={box} id={id} className="input" rows={1} value={draft.text} aria-label={label} placeholder={label} aria-describedby={`${id}-hint`}
                    aria-autocomplete="list" aria-controls={open ? `${id}-options` : undefined} aria-activedescendant={open ? optionId(id, completion.active) : undefined}
                    onChange={(event) => writing.type(event.target.value)} onSelect={(event) => setCursor(event.currentTarget.selectionStart)}
                    onKeyDown={key} onPaste={paste} onBlur={writing.rest} enterKeyHint="send"
                />
                <Button look="primary" type="submit">
                    {t(draft.edit ? "composer.save" : "composer.send")}
                </Button>
            </div>
            <div className="composer-tools">
                <EmojiButton onChoose={(sign) => insert(box.current!, cursor, cursor, sign)} />
                {!thread && <PollButton room={room} />}
                <p className="quiet" id={`${id}-hint`}>
                    {t("composer.hint")}
                </p>
            </div>
        </form>
    );
}
