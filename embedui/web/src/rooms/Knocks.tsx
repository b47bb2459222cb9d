import type { Room, RoomMember } from "matrix-js-sdk";
import { useCallback } from "react";
import { useClient } from "../client/context";
import { useT } from "../i18n";
import { Button } from "../ui/Button";
import { Fault } from "../ui/Fault";
import { useAction } from "../ui/useAction";
import { invite } from "./actions";
import { memberName } from "./preview";
import { mayAct } from "./roles";

/** Who asks to be let in, with the answers of whoever may invite. */
export function Knocks({ room, asking, level: Heading }: { room: Room; asking: readonly RoomMember[]; level: "h2" | "h3" }) {
    const t = useT();
    const { mx } = useClient();
    if (!asking.length || !room.canInvite(mx.getSafeUserId())) return null;
    return (
        <section aria-labelledby="knocks" className="knocks">
            <Heading id="knocks" className="subtitle">{t("knocks.title", { count: asking.length })}</Heading>
            <ul>{asking.map((member) => <Knock key={member.userId} room={room} member={member} />)}</ul>
        </section>
    );
}

function Knock({ room, member }: { room: Room; member: RoomMember }) {
    const t = useT();
    const { mx } = useClient();
    const name = memberName(room, member.userId);
    const reason: unknown = member.events.member?.getContent().reason;
    const answer = useAction(
        useCallback(
            async (accept: boolean) => {
                await (accept ? invite(mx, room, member.userId) : mx.kick(room.roomId, member.userId));
                document.getElementById("details-title")?.focus(); // the card goes, and the focus would with it
            },
            [mx, room, member],
        ),
    );
    return (
        <li className="notice attention">
            <p>{t("knocks.asks", { name })}</p>
            {typeof reason === "string" && reason && <p className="quiet">{t("knocks.reason", { reason: reason.slice(0, 500) })}</p>}
            <Fault>{answer.fault}</Fault>
            <div className="buttons">
                <Button look="primary" aria-label={t("knocks.acceptNamed", { name })} isDisabled={answer.busy} onPress={() => answer.run(true)}>{t("knocks.accept")}</Button>
                {mayAct(mx, room, member, "kick") && (
                    <Button aria-label={t("knocks.declineNamed", { name })} isDisabled={answer.busy} onPress={() => answer.run(false)}>{t("knocks.decline")}</Button>
                )}
            </div>
        </li>
    );
}
