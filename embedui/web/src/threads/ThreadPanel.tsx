import type { Room } from "matrix-js-sdk";
import { useEffect, useLayoutEffect, useMemo, useRef } from "react";
import { useClient } from "../client/context";
import { useT } from "../i18n";
import { Composer } from "../timeline/Composer";
import { MessageView } from "../timeline/MessageView";
import { Button } from "../ui/Button";
import { Fault } from "../ui/Fault";
import { ThreadContext } from "./context";
import { messageOf, messagesOf } from "./messages";
import { Panel } from "./Panel";
import { useThread } from "./useThread";

const near = 80; // pixels from the bottom that count as being there

/** A thread: what it is about, its answers, and where one writes another one. */
export function ThreadPanel({ room, root: id }: { room: Room; root: string }) {
    const t = useT();
    const { root, replies, version, more, older } = useThread(room, id);
    const messages = useMemo(() => messagesOf(replies), [replies.length, version]);
    const first = root && messageOf(root);
    const box = useStayAtBottom(messages.length);
    useRead(room, id, messages.length);
    return (
        <Panel room={room} title={t("thread.title")}>
            <ThreadContext value={id}>
                <div className="thread-messages" ref={box} role="group" aria-label={t("thread.messages")} tabIndex={0}>
                    {root === null && <p className="quiet">{t("message.original.missing")}</p>}
                    {first && <MessageView message={first} room={room} />}
                    {more && <Button isDisabled={older.busy} onPress={() => older.run()}>{t(older.busy ? "timeline.loading" : "timeline.older")}</Button>}
                    <Fault>{older.fault}</Fault>
                    <ol>
                        {messages.map((message) => (
                            <li key={message.key}>
                                <MessageView message={message} room={room} />
                            </li>
                        ))}
                    </ol>
                </div>
                <Composer room={room} thread={id} />
            </ThreadContext>
        </Panel>
    );
}

/** What is new is in sight while one is at the end. */
function useStayAtBottom(length: number) {
    const box = useRef<HTMLDivElement>(null);
    const atBottom = useRef(true);
    useEffect(() => {
        const { current } = box;
        const look = (): void => void (atBottom.current = current!.scrollHeight - current!.scrollTop - current!.clientHeight < near);
        current!.addEventListener("scroll", look);
        return () => current!.removeEventListener("scroll", look);
    }, []);
    useLayoutEffect(() => {
        if (atBottom.current) box.current!.scrollTop = box.current!.scrollHeight;
    }, [length]);
    return box;
}

/** Tells the server that the thread's answers are read, while the page is in front. */
function useRead(room: Room, id: string, length: number): void {
    const { mx } = useClient();
    useEffect(() => {
        const read = (): void => {
            const thread = room.getThread(id);
            const last = thread?.lastReply((event) => !event.status);
            if (document.hidden || !thread || !last || thread.hasUserReadEvent(mx.getSafeUserId(), last.getId()!)) return;
            mx.sendReadReceipt(last).catch(() => {}); // with the next one
        };
        read();
        document.addEventListener("visibilitychange", read);
        return () => document.removeEventListener("visibilitychange", read);
    }, [mx, room, id, length]);
}
