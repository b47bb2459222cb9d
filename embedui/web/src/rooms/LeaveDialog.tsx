import type { Room, RoomMember } from "matrix-js-sdk";
import { useCallback, useMemo, useState } from "react";
import { go } from "../app/route";
import { useClient } from "../client/context";
import { useT } from "../i18n";
import { Button } from "../ui/Button";
import { Fault } from "../ui/Fault";
import { Modal } from "../ui/Modal";
import { Select } from "../ui/Select";
import { useAction } from "../ui/useAction";
import { memberName } from "./preview";
import { giveRole, successors } from "./roles";

const most = 500; // people to choose a successor from

/** Says what leaving means; the last administrator is asked for a successor. */
export default function LeaveDialog({ room, onClose }: { room: Room; onClose(): void }) {
    const t = useT();
    const { mx, config } = useClient();
    const heirs = useMemo(() => successors(mx, room, config.custodian), [mx, room, config.custodian]);
    const [heir, setHeir] = useState("");
    const leave = useAction(
        useCallback(
            async (successor: string) => {
                if (successor) await giveRole(mx, room, successor, "admin");
                await mx.leave(room.roomId);
                onClose();
                go({ page: "home" });
            },
            [mx, room, onClose],
        ),
    );
    return (
        <Modal title={t("leave.title", { name: room.name })} onClose={onClose}>
            <p>{t("leave.means")}</p>
            {heirs && <LastOne room={room} heirs={heirs} heir={heir} onHeir={setHeir} />}
            <Fault>{leave.fault}</Fault>
            <div className="buttons">
                {heirs && heirs.length > 0 && (
                    <Button look="primary" isDisabled={!heir || leave.busy} onPress={() => leave.run(heir)}>{t("leave.handOver")}</Button>
                )}
                <Button look="danger" isDisabled={leave.busy} onPress={() => leave.run("")}>{t(heirs?.length ? "leave.anyway" : "leave.submit")}</Button>
                <Button onPress={onClose}>{t("common.cancel")}</Button>
            </div>
        </Modal>
    );
}

function LastOne({ room, heirs, heir, onHeir }: { room: Room; heirs: RoomMember[]; heir: string; onHeir(userId: string): void }) {
    const t = useT();
    if (!heirs.length) return <p className="notice attention">{t("leave.alone")}</p>;
    const options = heirs.slice(0, most).map(({ userId }) => ({ value: userId, label: memberName(room, userId) }));
    return (
        <>
            <p className="notice attention">{t("leave.last")}</p>
            <Select label={t("leave.heir")} value={heir} options={[{ value: "", label: t("leave.choose") }, ...options]} onChange={onHeir} />
        </>
    );
}
