import { ClientEvent } from "matrix-js-sdk";
import { CryptoEvent } from "matrix-js-sdk/lib/crypto-api";
import { createContext, use, useCallback, useEffect, useState, type ReactNode } from "react";
import { useClient } from "../client/context";
import { useEvents } from "../client/events";
import { useT } from "../i18n";
import { Button } from "../ui/Button";
import { EnterCode } from "./EnterCode";
import { MakeCode } from "./MakeCode";
import { recoveryOf, type Recovery } from "./recovery";

interface State {
    state: Recovery | null;
    /** Opens the page on which the code is made or typed. */
    ask(): void;
}

const RecoveryContext = createContext<State>({ state: null, ask: () => {} });

export function useRecovery(): State {
    return use(RecoveryContext);
}

const changes = [CryptoEvent.KeyBackupStatus, CryptoEvent.KeysChanged, CryptoEvent.UserTrustStatusChanged, ClientEvent.AccountData] as const;

const laterKey = "beffroi.later"; // for as long as the tab lives, reloads included

/** Asks for the recovery code, or makes it, before the rooms are shown; it can be put off, and then a banner keeps it in mind. */
export function RecoveryGate({ children }: { children: ReactNode }) {
    const { mx } = useClient();
    const version = useEvents(mx, changes);
    const [state, setState] = useState<Recovery | null>(null);
    const [asking, setAsking] = useState<Recovery | null>(null);
    const [later, setLater] = useState(() => sessionStorage.getItem(laterKey) !== null);

    useEffect(() => {
        let over = false;
        // Without an answer nothing is asked: the next change, or the next start, tries again.
        recoveryOf(mx).then((now) => over || setState(now), () => {});
        return () => void (over = true);
    }, [mx, version]);
    useEffect(() => {
        if (state && state !== "ready" && !later) setAsking((before) => before ?? state);
    }, [state, later]);

    const ask = useCallback(() => setAsking(state), [state]);
    const close = useCallback((now?: Recovery) => {
        if (now) setState(now);
        sessionStorage.setItem(laterKey, "yes");
        setLater(true);
        setAsking(null);
    }, []);

    if (asking === "new") return <MakeCode onDone={() => close("ready")} onLater={() => close()} />;
    if (asking === "locked") return <EnterCode onDone={() => close("ready")} onLater={() => close()} />;
    return <RecoveryContext value={{ state, ask }}>{children}</RecoveryContext>;
}

/** Keeps in mind what was put off. */
export function RecoveryBanner() {
    const t = useT();
    const { state, ask } = useRecovery();
    if (!state || state === "ready") return null;
    return (
        <div className="notice attention">
            <p>{t(`recovery.banner.${state}`)}</p>
            <div className="buttons">
                <Button onPress={ask}>{t(state === "new" ? "recovery.make" : "recovery.enter")}</Button>
            </div>
        </div>
    );
}
