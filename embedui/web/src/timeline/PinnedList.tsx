import { RoomStateEvent, type Room } from "matrix-js-sdk";
import { useCallback } from "react";
import { useClient } from "../client/context";
import { useEvents } from "../client/events";
import { useT } from "../i18n";
import { clock, day } from "../i18n/dates";
import { brief } from "../message/brief";
import { showMessage } from "../message/jump";
import { useOriginal } from "../message/Quoted";
import { memberName } from "../rooms/preview";
import { Button } from "../ui/Button";
import { Fault } from "../ui/Fault";
import { Modal } from "../ui/Modal";
import { useAction } from "../ui/useAction";
import { bodyOf } from "./body";
import { mayPin, pinnedIds, setPinned } from "./pins";

const changes = [RoomStateEvent.Events] as const;

/** The pinned messages, the last pinned one first. */
export default function PinnedList({ room, onClose }: { room: Room; onClose(): void }) {
    const t = useT();
    const { mx } = useClient();
    useEvents(room, changes);
    const unpin = useAction(useCallback((id: string) => setPinned(mx, room, id, false), [mx, room]));
    const show = (id: string): void => {
        onClose();
        showMessage(room.roomId, id);
    };
    return (
        <Modal title={t("pinned.title")} onClose={onClose}>
            <Fault>{unpin.fault}</Fault>
            <ul className="pinned">
                {pinnedIds(room).toReversed().map((id) => (
                    <li key={id}>
                        <PinnedMessage room={room} id={id} />
                        <div className="buttons">
                            <Show room={room} id={id} onShow={show} />
                            {mayPin(room) && <Button isDisabled={unpin.busy} onPress={() => unpin.run(id)}>{t("pinned.unpin")}</Button>}
                        </div>
                    </li>
                ))}
            </ul>
            <div className="buttons">
                <Button autoFocus onPress={onClose}>{t("common.close")}</Button>
            </div>
        </Modal>
    );
}

function Show({ room, id, onShow }: { room: Room; id: string; onShow(id: string): void }) {
    const t = useT();
    return useOriginal(room, id) ? <Button onPress={() => onShow(id)}>{t("pinned.show")}</Button> : null;
}

function PinnedMessage({ room, id }: { room: Room; id: string }) {
    const t = useT();
    const event = useOriginal(room, id);
    const body = event && bodyOf(event);
    if (event === undefined) return <p className="quiet" aria-busy="true">{t("pinned.loading")}</p>;
    if (!event || !body) return <p className="quiet">{t("pinned.missing")}</p>;
    return (
        <>
            <h3><bdi>{memberName(room, event.getSender()!)}</bdi> <span className="quiet">{day(event.getTs())}, {clock(event.getTs())}</span></h3>
            <p dir="auto">{brief(body)}</p>
        </>
    );
}
