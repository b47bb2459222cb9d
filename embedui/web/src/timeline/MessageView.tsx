import { EventStatus, type Room } from "matrix-js-sdk";
import { memo, useCallback } from "react";
import { useClient } from "../client/context";
import { clock } from "../i18n/dates";
import { useT } from "../i18n";
import { useRecovery } from "../recovery/RecoveryGate";
import { memberName } from "../rooms/preview";
import { Avatar } from "../ui/Avatar";
import { Button } from "../ui/Button";
import { useAction } from "../ui/useAction";
import type { Body, Lock } from "./body";
import { focusComposer } from "./Composer";
import type { Message } from "./items";
import { linked } from "./links";
import { reactionsOf } from "./reactions";

interface Props {
    message: Message;
    room: Room;
    /** Rises when anything in the timeline changes: the SDK changes events in place. */
    version: number;
}

/** A message: who, when, what, its reactions, and how its sending goes. */
export const MessageView = memo(function MessageView({ message, room }: Props) {
    const t = useT();
    const { mx } = useClient();
    const own = message.sender === mx.getUserId();
    const name = memberName(room, message.sender);
    const classes = ["message", own && "own", message.continued && "continued"].filter(Boolean).join(" ");
    return (
        <li className={classes}>
            {!own && <Avatar name={name} />}
            <article className="bubble" aria-label={t("message.from", { who: own ? t("message.you") : name, time: clock(message.at) })}>
                <p className="who">
                    {!own && <b>{name}</b>} <time dateTime={new Date(message.at).toISOString()}>{clock(message.at)}</time>
                </p>
                <BodyView body={message.body} name={name} />
                {message.edited && <p className="aside">{t("message.edited")}</p>}
                <Reactions message={message} room={room} />
                {message.status && <Sending message={message} room={room} />}
            </article>
        </li>
    );
});

function BodyView({ body, name }: { body: Body; name: string }) {
    const t = useT();
    switch (body.kind) {
        case "text":
            return <p className="text">{body.emote ? [`${name} `, ...linked(body.text)] : linked(body.text)}</p>;
        case "file":
            return <p className="aside">{t("message.fileHere", { name: body.name })}</p>;
        case "locked":
            return <LockedView lock={body.lock} />;
        default:
            return <p className="aside">{t(`message.${body.kind}`)}</p>;
    }
}

function LockedView({ lock }: { lock: Lock }) {
    const t = useT();
    const { state, ask } = useRecovery();
    const byCode = state === "locked";
    return (
        <div className="locked">
            <p>
                <b>{t("message.locked")}</b> {t(`lock.${byCode && lock !== "before" ? "code" : lock}`)}
            </p>
            {byCode && lock !== "before" && <Button onPress={ask}>{t("recovery.enter")}</Button>}
        </div>
    );
}

function Reactions({ message, room }: { message: Message; room: Room }) {
    const t = useT();
    const reactions = reactionsOf(room, message.id);
    if (!reactions.length) return null;
    return (
        <ul className="reactions" aria-label={t("message.reactions")}>
            {reactions.map(({ key, names }) => (
                <li key={key} title={names.join(", ")}>
                    <span aria-hidden="true">{`${key} ${names.length}`}</span>
                    <span className="unseen">{t("message.reaction", { key, names: names.join(", ") })}</span>
                </li>
            ))}
        </ul>
    );
}

function Sending({ message, room }: { message: Message; room: Room }) {
    const t = useT();
    const { mx } = useClient();
    const again = useAction(useCallback(() => (focusComposer(), mx.resendEvent(message.event, room)), [mx, message.event, room]));
    const discard = () => {
        focusComposer();
        mx.cancelPendingEvent(message.event);
    };
    if (message.status !== EventStatus.NOT_SENT) {
        return message.status === EventStatus.SENT ? null : <p className="aside">{t("message.sending")}</p>;
    }
    return (
        <div role="alert" className="unsent">
            <p>{t("message.unsent")}</p>
            <div className="buttons">
                <Button onPress={() => again.run()}>{t("message.resend")}</Button>
                <Button onPress={discard}>{t("message.discard")}</Button>
            </div>
        </div>
    );
}
