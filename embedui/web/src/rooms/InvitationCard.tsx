import { useCallback } from "react";
import { go } from "../app/route";
import { useClient } from "../client/context";
import { useT } from "../i18n";
import type { RoomLine } from "../list/line";
import { Button } from "../ui/Button";
import { Fault } from "../ui/Fault";
import { useAction } from "../ui/useAction";
import { acceptInvitation, declineInvitation } from "./actions";

/** An invitation, with its two answers. */
export function InvitationCard({ invitation }: { invitation: RoomLine }) {
    const t = useT();
    const { mx } = useClient();
    const { id, name, by, kind } = invitation;
    const answer = useAction(
        useCallback(
            async (accept: boolean) => {
                const room = mx.getRoom(id)!;
                if (!accept) {
                    await declineInvitation(mx, room);
                    document.getElementById("list")?.focus(); // the card goes, and the focus would with it
                    return;
                }
                await acceptInvitation(mx, room);
                go(kind === "space" ? { page: "space", id } : { page: "room", id, details: false });
            },
            [mx, id, kind],
        ),
    );
    return (
        <li className="notice attention invitation">
            <p id={`invitation ${id}`}>{t(`invitation.${kind}`, { by, name })}</p>
            <Fault>{answer.fault}</Fault>
            <div className="buttons">
                <Button look="primary" isDisabled={answer.busy} aria-describedby={`invitation ${id}`} onPress={() => answer.run(true)}>
                    {t(answer.busy ? "invitation.busy" : "invitation.accept")}
                </Button>
                <Button isDisabled={answer.busy} aria-describedby={`invitation ${id}`} onPress={() => answer.run(false)}>
                    {t("invitation.decline")}
                </Button>
            </div>
        </li>
    );
}
