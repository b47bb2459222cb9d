import { useMemo } from "react";
import { useClient } from "../client/context";
import { useT } from "../i18n";
import { useRooms } from "../list/context";
import { Invitations } from "../list/Invitations";
import { RoomList } from "../list/RoomList";
import { roomsWithin } from "../list/sections";
import { Services } from "../list/Services";
import { RecoveryBanner } from "../recovery/RecoveryGate";
import { Bell } from "../ui/Bell";
import { Button } from "../ui/Button";
import { useFocusHere } from "../ui/focus";
import { useTitle } from "../ui/title";
import { Connection } from "./Connection";
import type { Dialogue } from "./Dialogues";
import { useKept } from "./useKept";
import { useNarrow } from "./useNarrow";

/** Conversations, salons and invitations, and what makes new ones. */
export function Sidebar({ onOpen }: { onOpen(dialogue: Dialogue): void }) {
    const t = useT();
    const { joined, knocks, invitations, spaces } = useRooms();
    const narrow = useNarrow();
    const [wanted, choose] = useKept("beffroi.service");
    const service = spaces.some((space) => space.id === wanted) ? wanted : null;
    const only = useMemo(() => (service ? roomsWithin(spaces, service) : null), [spaces, service]);
    const lines = useMemo(() => [...joined, ...knocks], [joined, knocks]);
    const empty = lines.length + invitations.length === 0;

    return (
        <nav className="sidebar" id="list" tabIndex={-1} aria-label={t("list.label")}>
            {narrow && <ListTitle />}
            <Town onOpen={onOpen} />
            <button type="button" className="find" aria-keyshortcuts="Control+K" onClick={() => onOpen("finder")}>
                <span>{t("finder.open")} <span className="unseen">{t("finder.what")}</span></span>
                <kbd aria-hidden="true">{t("finder.keys")}</kbd>
            </button>
            <div className="make">
                <Button onPress={() => onOpen("conversation")}>{t("list.newConversation")}</Button>
                <Button onPress={() => onOpen("salon")}>{t("list.newSalon")}</Button>
            </div>
            <RecoveryBanner />
            <Invitations invitations={invitations} />
            <Services spaces={spaces} joined={joined} chosen={service} onChoose={choose} />
            {empty && <p className="empty quiet">{t("list.empty")}</p>}
            {!empty && <RoomList lines={lines} only={only} />}
        </nav>
    );
}

/** Whose messenger this is, whether it is heard, and the account. */
function Town({ onOpen }: { onOpen(dialogue: Dialogue): void }) {
    const t = useT();
    const { config } = useClient();
    const narrow = useNarrow();
    const Name = narrow ? "h1" : "p";
    const heading = useFocusHere<HTMLHeadingElement>();
    return (
        <div className="town">
            <Bell />
            <div>
                <Name className="name" ref={heading} tabIndex={narrow ? -1 : undefined}>{config.name || config.server_name}</Name>
                <Connection />
            </div>
            <Button look="bare" onPress={() => onOpen("account")}>
                {t("account.open")}
            </Button>
        </div>
    );
}

function ListTitle() {
    useTitle(useT()("home.title"));
    return null;
}
