import { EventType, RelationType, type MatrixEvent, type Room } from "matrix-js-sdk";
import { useEffect, useState } from "react";
import { useClient } from "../client/context";
import { faultText } from "../client/fault";
import { clock, day } from "../i18n/dates";
import { useT } from "../i18n";
import { contentBody, type Body } from "../timeline/body";
import type { Message } from "../timeline/items";
import { Button } from "../ui/Button";
import { Fault } from "../ui/Fault";
import { Modal } from "../ui/Modal";
import { BodyView } from "./BodyView";

const most = 50; // versions that are shown

interface Version {
    id: string;
    at: number;
    body: Exclude<Body, { kind: "poll" }>;
}

/** Every version of a message, the last one first. */
export default function EditHistory({ message, room, onClose }: { message: Message; room: Room; onClose(): void }) {
    const t = useT();
    const { mx } = useClient();
    const [versions, setVersions] = useState<Version[] | null>(null);
    const [fault, setFault] = useState<string | null>(null);
    useEffect(() => {
        mx.relations(room.roomId, message.id, RelationType.Replace, EventType.RoomMessage, { limit: most })
            .then(({ originalEvent, events }) => setVersions(versionsOf(message.event, originalEvent ?? null, events)))
            .catch((error: unknown) => setFault(faultText(error)));
    }, [mx, room, message]);
    return (
        <Modal title={t("history.title")} onClose={onClose}>
            <Fault>{fault}</Fault>
            {!versions && !fault && <p role="status">{t("history.loading")}</p>}
            <ol className="versions">
                {versions?.map(({ id, at, body }, i) => (
                    <li key={id}>
                        <h3>{t(i === versions.length - 1 ? "history.first" : "history.version", { day: day(at), time: clock(at) })}</h3>
                        <BodyView body={body} name="" />
                    </li>
                ))}
            </ol>
            <div className="buttons">
                <Button autoFocus onPress={onClose}>{t("common.close")}</Button>
            </div>
        </Modal>
    );
}

/** Edits by the sender alone count. Spec: "Validity of replacement events". */
function versionsOf(event: MatrixEvent, original: MatrixEvent | null, edits: MatrixEvent[]): Version[] {
    const own = edits.filter((edit) => edit.getSender() === event.getSender() && !edit.isRedacted());
    const changed = own.map((edit) => ({ id: edit.getId()!, at: edit.getTs(), body: contentBody(edit.getContent()["m.new_content"] ?? {}) }));
    const first = { id: event.getId()!, at: event.getTs(), body: contentBody((original ?? event).getOriginalContent()) };
    return [...changed.sort((a, b) => b.at - a.at), first];
}
