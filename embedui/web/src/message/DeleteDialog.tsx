import type { Room } from "matrix-js-sdk";
import { useCallback, useState } from "react";
import { useClient } from "../client/context";
import { useT } from "../i18n";
import { focusComposer } from "../timeline/Composer";
import type { Message } from "../timeline/items";
import { Button } from "../ui/Button";
import { Fault } from "../ui/Fault";
import { Modal } from "../ui/Modal";
import { TextInput } from "../ui/TextInput";
import { useAction } from "../ui/useAction";
import { brief } from "./brief";

/** Deletes a message for everybody, once that is confirmed. Of somebody else's, a reason is asked for, which all can read. */
export function DeleteDialog({ message, room, onClose }: { message: Message; room: Room; onClose(): void }) {
    const t = useT();
    const { mx } = useClient();
    const [reason, setReason] = useState("");
    const others = message.sender !== mx.getUserId();
    const remove = useAction(
        useCallback(async () => {
            await mx.redactEvent(room.roomId, message.id, undefined, reason.trim() ? { reason: reason.trim() } : undefined);
            onClose();
            focusComposer();
        }, [mx, room, message.id, reason, onClose]),
    );
    return (
        <Modal title={t("remove.title")} onClose={onClose}>
            <p>{t("remove.means")}</p>
            <blockquote className="excerpt" dir="auto">{brief(message.body)}</blockquote>
            {others && <TextInput label={t("remove.reason")} hint={t("remove.reasonHint")} value={reason} onChange={setReason} maxLength={300} />}
            <Fault>{remove.fault}</Fault>
            <div className="buttons">
                <Button autoFocus onPress={onClose}>{t("common.cancel")}</Button>
                <Button look="danger" isDisabled={remove.busy} onPress={() => remove.run()}>{t("remove.submit")}</Button>
            </div>
        </Modal>
    );
}
