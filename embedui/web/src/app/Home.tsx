import { useEffect, useState } from "react";
import { useClient } from "../client/context";
import { guardUnsent } from "../client/pending";
import { useT } from "../i18n";
import { RecoveryGate } from "../recovery/RecoveryGate";
import { RoomPage } from "../rooms/RoomPage";
import { useFocusHere } from "../ui/focus";
import { useTitle } from "../ui/title";
import { Announcer } from "./Announcer";
import { Dialogues, type Dialogue } from "./Dialogues";
import { useRoute } from "./route";
import { Sidebar } from "./Sidebar";
import { useNarrow } from "./useNarrow";

/** The client: list and room side by side, or one after the other on a narrow screen. */
export function Home() {
    const t = useT();
    const route = useRoute();
    const narrow = useNarrow();
    const [open, setOpen] = useState<Dialogue | null>(null);
    const { mx } = useClient();
    useEffect(() => guardUnsent(mx), [mx]);

    return (
        <RecoveryGate>
            <Announcer />
            {!narrow && (
                <a className="skip" href="#content">
                    {t("home.skip")}
                </a>
            )}
            <div className="app">
                {narrow
                    ? route.page === "home" && <main className="list-page"><Sidebar onOpen={setOpen} /></main>
                    : <Sidebar onOpen={setOpen} />}
                {route.page === "room" ? <RoomPage key={route.id} id={route.id} details={route.details} /> : !narrow && <Welcome />}
            </div>
            <Dialogues open={open} onClose={() => setOpen(null)} />
        </RecoveryGate>
    );
}

function Welcome() {
    const t = useT();
    const { config } = useClient();
    useTitle(t("home.title"));
    const heading = useFocusHere<HTMLHeadingElement>();
    return (
        <main className="welcome" id="content" tabIndex={-1}>
            <h1 ref={heading} tabIndex={-1}>{t("home.welcome", { name: config.name || config.server_name })}</h1>
            <p className="quiet">{t("home.choose")}</p>
        </main>
    );
}
