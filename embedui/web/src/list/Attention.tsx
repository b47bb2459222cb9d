import type { ReactNode } from "react";
import { useT } from "../i18n";
import { TitlePrefix } from "../ui/title";
import { useRooms } from "./context";

/** Says in the page's title what waits: invitations, and how many messages are unread. */
export function Attention({ children }: { children: ReactNode }) {
    const t = useT();
    const { invitations, joined } = useRooms();
    const unread = joined.reduce((sum, line) => sum + line.unread, 0);
    const waiting = [unread > 0 && `(${unread})`, invitations.length > 0 && t("invitation.waiting", { count: invitations.length })];
    return <TitlePrefix value={waiting.filter(Boolean).join(" ")}>{children}</TitlePrefix>;
}
