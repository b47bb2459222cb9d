import { useT } from "../i18n";
import { InvitationCard } from "../rooms/InvitationCard";
import type { RoomLine } from "./line";

/** Above the list, where scrolling does not carry them off; what is said aloud when one arrives. */
export function Invitations({ invitations }: { invitations: readonly RoomLine[] }) {
    const t = useT();
    const first = invitations[0];
    return (
        <>
            <p className="unseen" role="status">
                {first && t("invitation.waiting", { count: invitations.length })}
            </p>
            {first && (
                <section className="invitations" aria-label={t("list.invitations")}>
                    <h2>{t("invitation.waiting", { count: invitations.length })}</h2>
                    <ul>{invitations.map((line) => <InvitationCard key={line.id} invitation={line} />)}</ul>
                </section>
            )}
        </>
    );
}
