import { Direction, type Room } from "matrix-js-sdk";
import { useCallback, useState, type FormEvent } from "react";
import { useClient } from "../client/context";
import { useT } from "../i18n";
import { showMessage } from "../message/jump";
import { Button } from "../ui/Button";
import { Fault } from "../ui/Fault";
import { Modal } from "../ui/Modal";
import { TextInput } from "../ui/TextInput";
import { useAction } from "../ui/useAction";
import { dateField, startOf } from "./dateField";

/** Goes to the first message of a day or, where it has none, to the next one after it. Spec: "Event context", timestamp_to_event. */
export default function DateJump({ room, at, onClose }: { room: Room; at: number; onClose(): void }) {
    const t = useT();
    const { mx } = useClient();
    const [date, setDate] = useState(dateField(at));
    const [none, setNone] = useState(false);
    const jump = useAction(useCallback(async (from: number) => {
        const found = await mx.timestampToEvent(room.roomId, from, Direction.Forward).catch((error: { httpStatus?: number }) => {
            if (error.httpStatus !== 404) throw error;
            return null;
        });
        setNone(!found);
        if (!found) return;
        onClose();
        showMessage(room.roomId, found.event_id);
    }, [mx, room, onClose]));
    const submit = (event: FormEvent): void => {
        event.preventDefault();
        const from = startOf(date);
        if (from !== null) jump.run(from);
    };
    return (
        <Modal title={t("dateJump.title")} onClose={onClose}>
            <form className="form" onSubmit={submit}>
                <TextInput label={t("dateJump.date")} type="date" autoFocus value={date} onChange={setDate} error={none ? t("dateJump.none") : null} />
                <Fault>{jump.fault}</Fault>
                <div className="buttons">
                    <Button look="primary" type="submit" isDisabled={jump.busy}>{t("dateJump.go")}</Button>
                    <Button onPress={onClose}>{t("common.cancel")}</Button>
                </div>
            </form>
        </Modal>
    );
}
