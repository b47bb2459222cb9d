import type { Room } from "matrix-js-sdk";
import { useCallback, useState } from "react";
import { useClient } from "../client/context";
import { useT } from "../i18n";
import type { Message } from "../timeline/items";
import { Button } from "../ui/Button";
import { Fault } from "../ui/Fault";
import { Modal } from "../ui/Modal";
import { TextInput } from "../ui/TextInput";
import { useAction } from "../ui/useAction";
import { brief } from "./brief";

/** Tells the town hall's administrators of a message. Spec: "Reporting content". */
export function ReportDialog({ message, room, onClose }: { message: Message; room: Room; onClose(done?: string): void }) {
    const t = useT();
    const { mx } = useClient();
    const [reason, setReason] = useState("");
    const report = useAction(
        useCallback(async () => {
            await mx.reportEvent(room.roomId, message.id, -100, reason.trim());
            onClose(t("report.done"));
        }, [mx, room, message.id, reason, onClose, t]),
    );
    return (
        <Modal title={t("report.title")} onClose={() => onClose()}>
            <p>{t(room.hasEncryptionStateEvent() ? "report.meansEncrypted" : "report.means")}</p>
            <blockquote className="excerpt" dir="auto">{brief(message.body)}</blockquote>
            <TextInput label={t("report.reason")} autoFocus value={reason} onChange={setReason} maxLength={1000} />
            <Fault>{report.fault}</Fault>
            <div className="buttons">
                <Button onPress={() => onClose()}>{t("common.cancel")}</Button>
                <Button look="primary" isDisabled={report.busy || !reason.trim()} onPress={() => report.run()}>{t("report.submit")}</Button>
            </div>
        </Modal>
    );
}
