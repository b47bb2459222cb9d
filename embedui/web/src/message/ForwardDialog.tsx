import { EventType, KnownMembership, type Room } from "matrix-js-sdk";
import { useMemo, useState } from "react";
import { useClient } from "../client/context";
import { useT } from "../i18n";
import type { Message } from "../timeline/items";
import { Button } from "../ui/Button";
import { Modal } from "../ui/Modal";
import { TextInput } from "../ui/TextInput";
import { passedOn } from "./acts";
import { brief } from "./brief";
import { folded } from "./completion";

const most = 50; // rooms that are shown at once

/** Sends a message's content to other rooms, as one's own. */
export function ForwardDialog({ message, onClose }: { message: Message; onClose(done?: string): void }) {
    const t = useT();
    const { mx, outbox } = useClient();
    const [query, setQuery] = useState("");
    const [chosen, setChosen] = useState<ReadonlySet<Room>>(new Set());
    const rooms = useMemo(() => writable(mx.getRooms()), [mx]);
    const found = rooms.filter((room) => folded(room.name).includes(folded(query))).slice(0, most);
    const toggle = (room: Room): void => {
        const next = new Set(chosen);
        if (!next.delete(room)) next.add(room);
        setChosen(next);
    };
    const send = (): void => {
        const content = passedOn(message.event.getContent());
        chosen.forEach((room) => outbox.send(room, EventType.RoomMessage, content));
        onClose(t("forward.done", { rooms: [...chosen].map(({ name }) => name).join(", ") }));
    };
    return (
        <Modal title={t("forward.title")} onClose={() => onClose()}>
            <blockquote className="excerpt" dir="auto">{brief(message.body)}</blockquote>
            <TextInput label={t("forward.search")} autoFocus value={query} onChange={setQuery} />
            <ul className="choices" aria-label={t("forward.rooms")}>
                {found.map((room) => (
                    <li key={room.roomId}>
                        <label>
                            <input type="checkbox" checked={chosen.has(room)} onChange={() => toggle(room)} /> <bdi>{room.name}</bdi>
                        </label>
                    </li>
                ))}
            </ul>
            <p className="quiet" role="status">{found.length ? "" : t("forward.none")}</p>
            <div className="buttons">
                <Button onPress={() => onClose()}>{t("common.cancel")}</Button>
                <Button look="primary" isDisabled={!chosen.size} onPress={send}>{t("forward.submit")}</Button>
            </div>
        </Modal>
    );
}

/** The rooms where one may write, the last used first. */
function writable(rooms: Room[]): Room[] {
    const there = rooms.filter((room) => room.getMyMembership() === KnownMembership.Join && !room.isSpaceRoom() && room.maySendMessage());
    return there.sort((a, b) => b.getLastActiveTimestamp() - a.getLastActiveTimestamp());
}
