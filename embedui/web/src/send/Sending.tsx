import { EventStatus, type Room } from "matrix-js-sdk";
import { useClient } from "../client/context";
import { faultText } from "../client/fault";
import { useT } from "../i18n";
import { focusComposer } from "../timeline/Composer";
import type { Message } from "../timeline/items";
import { Button } from "../ui/Button";

/** How the sending of a message goes, and what one can do about it. */
export function Sending({ message: { event, status }, room }: { message: Message; room: Room }) {
    const t = useT();
    const { outbox } = useClient();
    if (status === EventStatus.SENT) return null;
    const progress = outbox.progress(event);
    if (progress === "sending") return <p className="aside">{t("message.sending")}</p>;
    const discard = (
        <Button onPress={() => (focusComposer(event.threadRootId), outbox.discard(room, event))}>{t("message.discard")}</Button>
    );
    if (progress === "waiting") {
        return (
            <div className="pending">
                <p className="aside">{t(outbox.held(room, event) ? "message.behind" : "message.waiting")}</p>
                {discard}
            </div>
        );
    }
    return (
        <div role="alert" className="unsent">
            <p>{t("message.unsent", { fault: faultText(event.error) })}</p>
            <div className="buttons">
                <Button onPress={() => (focusComposer(event.threadRootId), outbox.retry(room, event))}>{t("message.resend")}</Button>
                {discard}
            </div>
        </div>
    );
}
