import type { Room } from "matrix-js-sdk";
import { useClient } from "../client/context";
import { useT } from "../i18n";
import { brief } from "../message/brief";
import { useOriginal } from "../message/Quoted";
import { memberName } from "../rooms/preview";
import { bodyOf } from "../timeline/body";
import { Button } from "../ui/Button";
import type { Draft } from "./drafts";

/** Says what is being written when it is no new message: an answer, a change. */
export function Purpose({ room, draft, onCancel }: { room: Room; draft: Draft; onCancel(): void }) {
    const t = useT();
    if (!draft.edit && !draft.reply) return null;
    return (
        <div className="purpose">
            <p role="status">{draft.edit ? t("composer.editing") : <Answering room={room} id={draft.reply!} />}</p>
            <Button look="bare" onPress={onCancel}>{t("common.cancel")}</Button>
        </div>
    );
}

function Answering({ room, id }: { room: Room; id: string }) {
    const t = useT();
    const { mx } = useClient();
    const event = useOriginal(room, id);
    const body = event && bodyOf(event);
    if (!event || !body) return t("composer.answering", { who: "" });
    const own = event.getSender() === mx.getUserId();
    return (
        <>
            {own ? t("composer.answeringSelf") : t("composer.answering", { who: memberName(room, event.getSender()!) })} <span className="quiet">{brief(body)}</span>
        </>
    );
}
