import { EventStatus, type Room } from "matrix-js-sdk";
import { useCallback } from "react";
import { useClient } from "../client/context";
import { useT } from "../i18n";
import { focusComposer } from "../timeline/Composer";
import type { Message } from "../timeline/items";
import { Button } from "../ui/Button";
import { useAction } from "../ui/useAction";

/** How the sending of a message goes, and what one can do about it. */
export function Sending({ message, room }: { message: Message; room: Room }) {
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
