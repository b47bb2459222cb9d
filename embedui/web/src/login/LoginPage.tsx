import { useEffect, useRef, useState, type FormEvent } from "react";
import type { Config } from "../config";
import { useT } from "../i18n";
import type { Session } from "../session/session";
import { Bell } from "../ui/Bell";
import { useFocusHere } from "../ui/focus";
import { LanguageChoice } from "../ui/LanguageChoice";
import { deviceName, logIn, LoginError, loginName, type LoginFault } from "./login";

interface Props {
    config: Config;
    /** A session that sleeps: only its password is asked. */
    again?: Session;
    /** Why one is here, where it is not by one's own will. */
    reason?: "expired";
    onSession(session: Session): void;
    onForget?(): void;
}

/** The log-in page: plain React, so that it works before anything large is loaded. */
export function LoginPage({ config, again, reason, onSession, onForget }: Props) {
    const t = useT();
    useTitle(t("login.title"));
    return (
        <main className="alone">
            <p className="town">
                <Bell />
                <span>{config.name || config.server_name}</span>
            </p>
            <h1>{t("login.title")}</h1>
            {reason && <p className="notice attention">{t(`login.reason.${reason}`)}</p>}
            {again && <p className="notice">{t("login.again", { user: again.userId })}</p>}
            {window.isSecureContext ? <LoginForm config={config} again={again} onSession={onSession} /> : <Insecure />}
            {onForget && (
                <button type="button" className="btn bare" onClick={onForget}>
                    {t("login.forget")}
                </button>
            )}
            <p>
                <LanguageChoice />
            </p>
        </main>
    );
}

function Insecure() {
    const t = useT();
    return (
        <p className="notice error" role="alert">
            {t("login.insecure")}
        </p>
    );
}

function LoginForm({ config, again, onSession }: Pick<Props, "config" | "again" | "onSession">) {
    const t = useT();
    const [busy, setBusy] = useState(false);
    const [fault, setFault] = useState<LoginFault | "empty" | null>(null);
    const [shown, setShown] = useState(false);
    const password = useRef<HTMLInputElement>(null);
    const userField = useFocusHere<HTMLInputElement>(); // after a log-out: a dialogue that closes keeps autoFocus from its aim

    async function submit(event: FormEvent<HTMLFormElement>) {
        event.preventDefault();
        const form = new FormData(event.currentTarget);
        const user = again?.userId ?? loginName(String(form.get("user")));
        const secret = String(form.get("password"));
        if (!user || !secret) return setFault("empty");
        setBusy(true);
        setFault(null);
        try {
            onSession(await logIn(config.base_url, user, secret, deviceName(), again));
        } catch (error) {
            setFault(error instanceof LoginError ? error.fault : "unreachable");
            setBusy(false);
            password.current?.focus();
        }
    }

    const wrong = fault === "wrong" || fault === "empty";
    return (
        <form onSubmit={submit} noValidate aria-busy={busy}>
            {!again && (
                <div className="field">
                    <label htmlFor="user">{t("login.user")}</label>
                    <input
                        className="input" id="user" name="user" autoComplete="username" autoCapitalize="none" spellCheck={false}
                        ref={userField} required autoFocus aria-describedby="user-hint" aria-invalid={wrong || undefined}
                    />
                    <span className="hint" id="user-hint">{t("login.userHint")}</span>
                </div>
            )}
            <div className="field">
                <label htmlFor="password">{t("login.password")}</label>
                <input
                    className="input" id="password" name="password" ref={password} type={shown ? "text" : "password"}
                    autoComplete="current-password" required autoFocus={Boolean(again)} aria-invalid={wrong || undefined}
                    aria-describedby={fault ? "fault" : undefined}
                />
                <button type="button" className="btn bare" aria-pressed={shown} onClick={() => setShown(!shown)}>
                    {t("login.show")}
                </button>
            </div>
            <div role="alert" id="fault">
                {fault && <p className="notice error">{t(`login.fault.${fault}`)}</p>}
            </div>
            <button className="btn primary wide" disabled={busy}>
                {busy ? t("login.busy") : t("login.submit")}
            </button>
        </form>
    );
}

function useTitle(title: string): void {
    useEffect(() => {
        document.title = `${title} · Beffroi`;
    }, [title]);
}
