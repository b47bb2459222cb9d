import type { Room, RoomMember } from "matrix-js-sdk";
import { useCallback, useState, type FormEvent } from "react";
import { useClient } from "../client/context";
import { useT } from "../i18n";
import { Button } from "../ui/Button";
import { Fault } from "../ui/Fault";
import { TextInput } from "../ui/TextInput";
import { useAction } from "../ui/useAction";
import { memberName } from "./preview";

interface Props {
    room: Room;
    member: RoomMember;
    how: "kick" | "ban";
    onDone(): void;
    onCancel(): void;
}

/** Asks why somebody is removed or banned: they and the members can read it. */
export function RemoveForm({ room, member, how, onDone, onCancel }: Props) {
    const t = useT();
    const { mx } = useClient();
    const [reason, setReason] = useState("");
    const remove = useAction(
        useCallback(async (why: string) => {
            await mx[how](room.roomId, member.userId, why || undefined);
            onDone();
        }, [mx, room, member, how, onDone]),
    );
    const submit = (event: FormEvent): void => {
        event.preventDefault();
        remove.run(reason.trim());
    };
    return (
        <form onSubmit={submit}>
            <p>{t(`member.means.${how}`, { name: memberName(room, member.userId) })}</p>
            <TextInput label={t("member.reason")} hint={t("member.reasonHint")} value={reason} onChange={setReason} autoFocus maxLength={500} />
            <Fault>{remove.fault}</Fault>
            <div className="buttons">
                <Button look="danger" type="submit" isDisabled={remove.busy}>{t(`member.${how}`)}</Button>
                <Button onPress={onCancel}>{t("common.cancel")}</Button>
            </div>
        </form>
    );
}
