import { Method } from "matrix-js-sdk";
import { useCallback, useState, type FormEvent } from "react";
import { useClient } from "../client/context";
import { useT } from "../i18n";
import { Button } from "../ui/Button";
import { Fault } from "../ui/Fault";
import { Modal } from "../ui/Modal";
import { TextInput } from "../ui/TextInput";
import { useAction } from "../ui/useAction";

/** A room or a person; messages are reported from their menu (src/message). */
export type Reported = { roomId: string } | { userId: string };

/** Tells the commune's administrators of something, with a reason. Spec: client-server API, "Reporting Content". */
export default function ReportDialog({ what, name, onClose }: { what: Reported; name: string; onClose(): void }) {
    const t = useT();
    const { mx } = useClient();
    const [reason, setReason] = useState("");
    const [done, setDone] = useState(false);
    const send = useAction(
        useCallback(async (why: string) => {
            await mx.http.authedRequest(Method.Post, pathOf(what), undefined, { reason: why });
            setDone(true);
        }, [mx, what]),
    );
    const submit = (event: FormEvent): void => {
        event.preventDefault();
        if (reason.trim()) send.run(reason.trim());
    };
    const kind = "userId" in what ? "person" : "room";
    return (
        <Modal title={t(`reporting.title.${kind}`, { name })} onClose={onClose}>
            {done ? (
                <>
                    <p role="status" className="notice">{t("reporting.done")}</p>
                    <div className="buttons"><Button autoFocus onPress={onClose}>{t("common.close")}</Button></div>
                </>
            ) : (
                <form onSubmit={submit}>
                    <p>{t(`reporting.means.${kind}`)}</p>
                    <TextInput label={t("reporting.reason")} value={reason} onChange={setReason} isRequired autoFocus maxLength={1000} />
                    <Fault>{send.fault}</Fault>
                    <div className="buttons">
                        <Button look="primary" type="submit" isDisabled={!reason.trim() || send.busy}>{t(send.busy ? "reporting.busy" : "reporting.send")}</Button>
                        <Button onPress={onClose}>{t("common.cancel")}</Button>
                    </div>
                </form>
            )}
        </Modal>
    );
}

function pathOf(what: Reported): string {
    return "userId" in what ? `/users/${encodeURIComponent(what.userId)}/report` : `/rooms/${encodeURIComponent(what.roomId)}/report`;
}
