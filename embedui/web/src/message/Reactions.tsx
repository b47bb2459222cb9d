import type { Room } from "matrix-js-sdk";
import { useClient } from "../client/context";
import { useT } from "../i18n";
import type { Message } from "../timeline/items";
import { reactionsOf, shownKey } from "../timeline/reactions";
import { toggleReaction } from "./react";

/** Who reacted how; one press adds the same, another takes it back. */
export function Reactions({ message, room }: { message: Message; room: Room }) {
    const t = useT();
    const client = useClient();
    const reactions = reactionsOf(room, message.id);
    if (!reactions.length || message.body.kind === "deleted") return null;
    return (
        <ul className="reactions" aria-label={t("message.reactions")}>
            {reactions.map(({ key, names, own }) => (
                <li key={key}>
                    <button
                        type="button" aria-pressed={Boolean(own)} title={names.join(", ")}
                        aria-label={t("message.reaction", { key: shownKey(key), many: names.length, names: names.join(", ") })}
                        onClick={() => void toggleReaction(client, room, message.id, key)}
                    >
                        <span aria-hidden="true">{`${shownKey(key)} ${names.length}`}</span>
                    </button>
                </li>
            ))}
        </ul>
    );
}
