import type { Room } from "matrix-js-sdk";
import { memo, type MouseEvent } from "react";
import { useClient } from "../client/context";
import { clock } from "../i18n/dates";
import { useT } from "../i18n";
import { Actions } from "../message/Actions";
import { BodyView } from "../message/BodyView";
import { Edited } from "../message/Edited";
import { calls } from "../message/mentions";
import { Quoted } from "../message/Quoted";
import { Reactions } from "../message/Reactions";
import { answeredBy } from "../message/relation";
import { memberName } from "../rooms/preview";
import { Sending } from "../send/Sending";
import { ThreadSummary } from "../threads/ThreadSummary";
import { Avatar } from "../ui/Avatar";
import { Boundary } from "../ui/Boundary";
import { lazyPart } from "../ui/lazy";
import type { Message } from "./items";

const PollView = lazyPart(() => import("../polls/PollView"));

interface Props {
    message: Message;
    room: Room;
}

/** A message: who, when, what, its reactions, and how its sending goes. One that can't be drawn is a line that says so. */
export const MessageView = memo(function MessageView({ message, room }: Props) {
    const t = useT();
    const { mx } = useClient();
    const own = message.sender === mx.getUserId();
    const name = memberName(room, message.sender);
    const called = !own && message.body.kind === "text" && calls(message.event.getContent(), mx.getSafeUserId());
    const classes = ["message", own && "own", called && "calls", message.continued && "continued"].filter(Boolean).join(" ");
    return (
        <div className={classes} data-event={message.id} onContextMenu={openByTouch}>
            <Boundary fallback={() => <p className="bubble aside" tabIndex={-1} data-stop>{t("message.broken")}</p>}>
                {!own && <Avatar name={name} />}
                <article className="bubble" tabIndex={-1} data-stop aria-label={t("message.from", { who: own ? t("message.you") : name, time: clock(message.at) })}>
                    <p className="who">
                        {!own && <b><bdi>{name}</bdi></b>} <time dateTime={new Date(message.at).toISOString()}>{clock(message.at)}</time>
                    </p>
                    {called && <p className="unseen">{t("message.calls")}</p>}
                    <Content message={message} room={room} name={name} />
                </article>
            </Boundary>
        </div>
    );
});

/** A long touch opens what can be done with the message; the mouse's other button keeps the browser's menu. */
function openByTouch(event: MouseEvent<HTMLElement>): void {
    if ((event.nativeEvent as PointerEvent).pointerType !== "touch" || (event.target as Element).closest("a, button")) return;
    event.preventDefault();
    event.currentTarget.querySelector<HTMLElement>("[data-actions]")?.click();
}

function Content({ message, room, name }: { message: Message; room: Room; name: string }) {
    const answered = message.body.kind === "deleted" ? null : answeredBy(message.event);
    return (
        <>
            {answered && <Quoted room={room} id={answered} />}
            {message.body.kind === "poll" ? <PollView message={message} room={room} /> : <BodyView body={message.body} name={name} />}
            {message.edited && <Edited message={message} room={room} />}
            <Reactions message={message} room={room} />
            <ThreadSummary message={message} room={room} />
            {message.status ? <Sending message={message} room={room} /> : <Actions message={message} room={room} />}
        </>
    );
}
