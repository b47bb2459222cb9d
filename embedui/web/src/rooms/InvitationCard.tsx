import { useCallback } from "react";
import { go } from "../app/route";
import { useClient } from "../client/context";
import { useT } from "../i18n";
import { Button } from "../ui/Button";
import { Fault } from "../ui/Fault";
import { useAction } from "../ui/useAction";
import { acceptInvitation, declineInvitation } from "./actions";
import type { Invitation } from "./list";

/** An invitation, with its two answers. */
export function InvitationCard({ invitation }: { invitation: Invitation }) {
    const t = useT();
    const { mx } = useClient();
    const { room, id, name, by, conversation } = invitation;
    const answer = useAction(
        useCallback(
            async (accept: boolean) => {
                if (!accept) {
                    await declineInvitation(mx, room);
                    document.getElementById("list")?.focus(); // the card goes, and the focus would with it
                    return;
                }
                await acceptInvitation(mx, room);
                go({ page: "room", id, details: false });
            },
            [mx, room, id],
        ),
    );
    const text = conversation ? t("invitation.conversation", { by }) : t("invitation.salon", { by, name });
    return (
        <li className="notice attention invitation">
            <p id={`invitation ${id}`}>{text}</p>
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
