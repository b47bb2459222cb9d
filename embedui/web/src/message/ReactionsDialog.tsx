import type { Room } from "matrix-js-sdk";
import { useT } from "../i18n";
import type { Message } from "../timeline/items";
import { reactionsOf, shownKey } from "../timeline/reactions";
import { Button } from "../ui/Button";
import { Modal } from "../ui/Modal";

/** Who reacted how. */
export function ReactionsDialog({ message, room, onClose }: { message: Message; room: Room; onClose(): void }) {
    const t = useT();
    return (
        <Modal title={t("message.reactions")} onClose={onClose}>
            <dl className="reacted">
                {reactionsOf(room, message.id).map(({ key, names }) => (
                    <div key={key}>
                        <dt>{shownKey(key)}</dt>
                        <dd><bdi>{names.join(", ")}</bdi></dd>
                    </div>
                ))}
            </dl>
            <div className="buttons">
                <Button autoFocus onPress={onClose}>{t("common.close")}</Button>
            </div>
        </Modal>
    );
}
