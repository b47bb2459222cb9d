import { lazy, Suspense, useCallback, useEffect, useMemo, useState, type ReactNode } from "react";
import type { Config } from "./config";
import { startRest, useT } from "./i18n";
import { LoginPage } from "./login/LoginPage";
import { prefetchApp, warmUp } from "./prefetch";
import { Ahead } from "./session/ahead";
import { onSessionElsewhere, readSession, writeSession, type Session } from "./session/session";
import { hold, type Hold } from "./session/tab";
import { OpeningPage } from "./ui/OpeningPage";

const App = lazy(async () => (await Promise.all([import("./app/App"), startRest()]))[0]);

/** Decides between the log-in page, the client, and "another tab has it". It loads nothing large itself. */
export function Root({ config }: { config: Config }) {
    const [session, setSession] = useState(readSession);
    const [expired, setExpired] = useState(false);
    const [forgetting, setForgetting] = useState(false);

    useEffect(() => onSessionElsewhere(() => setSession(readSession())), []);
    useEffect(() => void (session ? warmUp() : prefetchApp()), [session]);
    const device = session && `${session.userId} ${session.deviceId}`;
    const ahead = useMemo(() => session && new Ahead(session), [device]);

    const enter = useCallback((next: Session) => {
        writeSession(next);
        setExpired(false);
        setSession(next);
    }, []);
    const leave = useCallback((why: "left" | "expired" | "asleep") => {
        const asleep = why === "asleep" ? { ...readSession()!, asleep: true } : null;
        writeSession(asleep);
        setExpired(why === "expired");
        setForgetting(false);
        setSession(asleep);
        history.replaceState(null, "", "/");
    }, []);

    if (!session) return <LoginPage config={config} reason={expired ? "expired" : undefined} onSession={enter} />;
    if (session.asleep && !forgetting) {
        return <LoginPage config={config} again={session} onSession={enter} onForget={() => setForgetting(true)} />;
    }
    return <OneTab>{(tab) => <App config={config} session={session} ahead={ahead!} tab={tab} forget={forgetting} onLeave={leave} />}</OneTab>;
}

/** Shows its content in the one tab that holds the client, and the offer to use it here in the others. */
function OneTab({ children }: { children: (tab: Hold) => ReactNode }) {
    const t = useT();
    const [tab, setTab] = useState<Hold | "elsewhere" | "asking" | null>(null);
    const ask = useCallback(async (take: boolean) => {
        setTab("asking");
        const held = await hold(take);
        setTab(held ?? "elsewhere");
        void held?.lost.then(() => setTab("elsewhere"));
    }, []);
    useEffect(() => void ask(false), [ask]);

    if (tab === "elsewhere") return <Elsewhere onTake={() => void ask(true)} />;
    const opening = <OpeningPage>{t("opening.title")}</OpeningPage>;
    if (!tab || tab === "asking") return opening;
    return <Suspense fallback={opening}>{children(tab)}</Suspense>;
}

function Elsewhere({ onTake }: { onTake(): void }) {
    const t = useT();
    useEffect(() => {
        document.title = `${t("elsewhere.title")} · Beffroi`;
    });
    return (
        <main className="alone">
            <h1>{t("elsewhere.title")}</h1>
            <p>{t("elsewhere.text")}</p>
            <button className="btn primary" autoFocus onClick={onTake}>
                {t("elsewhere.take")}
            </button>
        </main>
    );
}

/** The server did not even give its configuration. */
export function Unreachable() {
    const t = useT();
    return (
        <main className="alone">
            <h1>{t("unreachable.title")}</h1>
            <p role="alert">{t("unreachable.text")}</p>
            <button className="btn primary" onClick={() => location.reload()}>
                {t("unreachable.retry")}
            </button>
        </main>
    );
}
