import { useCallback, useEffect, useState, type ReactNode } from "react";
import { useClient } from "../client/context";
import { guardUnsent } from "../client/pending";
import { Pictures } from "../client/pictures";
import { useT } from "../i18n";
import { Attention } from "../list/Attention";
import { RoomsContext } from "../list/context";
import { RoomStore } from "../list/store";
import { RecoveryGate } from "../recovery/RecoveryGate";
import { RoomPage } from "../rooms/RoomPage";
import { PicturesContext } from "../ui/Avatar";
import { useFocusHere } from "../ui/focus";
import { lazyPart } from "../ui/lazy";
import { useTitle } from "../ui/title";
import { Announcer } from "./Announcer";
import { Dialogues, type Dialogue } from "./Dialogues";
import { useRoute, type Route } from "./route";
import { Sidebar } from "./Sidebar";
import { useNarrow } from "./useNarrow";
import { useShortcut } from "./useShortcut";

const SpacePage = lazyPart(() => import("../rooms/SpacePage"));

/** The client: list and room side by side, or one after the other on a narrow screen. */
export function Home() {
    const t = useT();
    const route = useRoute();
    const narrow = useNarrow();
    const [open, setOpen] = useState<Dialogue | null>(null);
    const { mx } = useClient();
    const close = useCallback(() => setOpen(null), []);
    useShortcut("k", useCallback(() => setOpen("finder"), []));
    useEffect(() => guardUnsent(mx), [mx]);

    return (
        <Belongings>
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
                    <Place route={route} narrow={narrow} />
                </div>
                <Dialogues open={open} onOpen={setOpen} onClose={close} />
            </RecoveryGate>
        </Belongings>
    );
}

function Place({ route, narrow }: { route: Route; narrow: boolean }) {
    switch (route.page) {
        case "room":
            return <RoomPage key={route.id} id={route.id} details={route.details} />;
        case "space":
            return <SpacePage key={route.id} id={route.id} />;
        default:
            return narrow ? null : <Welcome />;
    }
}

/** What the pages share: the rooms of the account, pictures, and what the title says of them. */
function Belongings({ children }: { children: ReactNode }) {
    const { mx } = useClient();
    const [rooms] = useState(() => new RoomStore(mx));
    const [pictures] = useState(() => new Pictures(mx));
    useEffect(() => rooms.start(), [rooms]);
    useEffect(() => () => pictures.stop(), [pictures]);
    return (
        <PicturesContext value={pictures}>
            <RoomsContext value={rooms}>
                <Attention>{children}</Attention>
            </RoomsContext>
        </PicturesContext>
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
