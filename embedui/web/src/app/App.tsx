import "../styles/app.css";
import "../styles/timeline.css";
import "../styles/message.css";
import { useEffect, useRef, useState } from "react";
import { I18nProvider } from "react-aria-components/I18nProvider";
import { onEnded, openClient, prepared, startClient, type Client } from "../client/client";
import { ClientContext } from "../client/context";
import { forgetEverything } from "../client/data";
import { allSent } from "../client/pending";
import type { Config } from "../config";
import { useLanguage, useT } from "../i18n";
import type { Ahead } from "../session/ahead";
import type { Session } from "../session/session";
import type { Hold } from "../session/tab";
import { Button } from "../ui/Button";
import { OpeningPage } from "../ui/OpeningPage";
import { Home } from "./Home";

interface Props {
    config: Config;
    session: Session;
    ahead: Ahead;
    tab: Hold;
    /** Only remove what is kept here: the session can't be used any more. */
    forget: boolean;
    onLeave(why: "left" | "expired" | "asleep"): void;
}

type State = { name: "opening"; delayed: boolean } | { name: "failed" } | { name: "open"; client: Client };

/** The client behind the log-in: opens the stores, closes them when this tab loses its right to them. */
export default function App({ config, session, ahead, tab, forget, onLeave }: Props) {
    const t = useT();
    const language = useLanguage();
    const [state, setState] = useState<State>({ name: "opening", delayed: false });
    const client = useRef<Client | null>(null);

    useEffect(() => {
        let over = false;
        const close = (): void => client.current?.stop();
        const leave = async (why: "left" | "expired" | "asleep"): Promise<void> => {
            if (over) return;
            over = true;
            close();
            if (why !== "asleep") await forgetEverything();
            tab.release();
            onLeave(why);
        };
        const stores = forget ? null : openClient(config, session, ahead);
        async function open(): Promise<void> {
            if (!stores) return leave("left");
            const opened = (client.current = { ...(await stores), leave: () => leave("left") });
            if (over) return;
            onEnded(opened.mx, (how) => void leave(how));
            await startClient(opened);
            await prepared(opened.mx, () => over || setState({ name: "opening", delayed: true }));
            if (over) return;
            opened.outbox.start();
            setState({ name: "open", client: opened });
        }
        async function handOver(): Promise<void> {
            await stores?.then(({ mx }) => allSent(mx), () => {}); // open says what went wrong
            close();
            tab.release();
        }
        open().catch((error: unknown) => {
            console.error(error);
            if (!over) setState({ name: "failed" });
        });
        return () => {
            if (over) return;
            over = true;
            void handOver();
        };
        // One client for the life of the component: tokens change, device and tab don't.
    }, [tab]);

    if (state.name === "failed") return <Failed />;
    if (state.name === "opening") return <OpeningPage>{t(state.delayed ? "opening.delayed" : "opening.title")}</OpeningPage>;
    return (
        <I18nProvider locale={language}>
            <ClientContext value={state.client}>
                <Home />
            </ClientContext>
        </I18nProvider>
    );
}

function Failed() {
    const t = useT();
    return (
        <main className="alone">
            <h1>{t("failed.title")}</h1>
            <p role="alert">{t("failed.text")}</p>
            <Button look="primary" autoFocus onPress={() => location.reload()}>
                {t("failed.retry")}
            </Button>
        </main>
    );
}
