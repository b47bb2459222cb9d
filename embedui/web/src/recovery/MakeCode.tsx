import type { GeneratedSecretStorageKey } from "matrix-js-sdk/lib/crypto-api";
import { useCallback, useEffect, useMemo, useState, type FormEvent } from "react";
import { useClient } from "../client/context";
import { useT } from "../i18n";
import { Button } from "../ui/Button";
import { Fault } from "../ui/Fault";
import { TextInput } from "../ui/TextInput";
import { useTitle } from "../ui/title";
import { useAction } from "../ui/useAction";
import { askedGroups, groups, matches } from "./code";
import { newCode, saveWith } from "./recovery";

interface Props {
    onDone(): void;
    onLater(): void;
}

/** The recovery code's first and only showing: read, keep, type a part of it back; only then it counts. */
export function MakeCode({ onDone, onLater }: Props) {
    const t = useT();
    const { mx } = useClient();
    const [code, setCode] = useState<GeneratedSecretStorageKey | null>(null);
    const [kept, setKept] = useState(false);
    useTitle(t("recovery.title"));
    useEffect(() => void newCode(mx).then(setCode), [mx]);
    const parts = useMemo(() => groups(code?.encodedPrivateKey ?? ""), [code]);
    if (!code) return null;
    if (kept) return <TypeBack code={code} parts={parts} onDone={onDone} onBack={() => setKept(false)} />;
    return <ShowCode code={code.encodedPrivateKey!} parts={parts} onKept={() => setKept(true)} onLater={onLater} />;
}

interface ShowProps {
    code: string;
    parts: string[];
    onKept(): void;
    onLater(): void;
}

function ShowCode({ code, parts, onKept, onLater }: ShowProps) {
    const t = useT();
    const { mx, config } = useClient();
    const [copied, setCopied] = useState<"yes" | "no" | null>(null);
    const copy = (): void => void navigator.clipboard.writeText(code).then(() => setCopied("yes"), () => setCopied("no"));
    return (
        <main className="alone sheet">
            <h1 tabIndex={-1} ref={focusOnce}>{t("recovery.title")}</h1>
            <p>{t("recovery.why")}</p>
            <p className="printed">{t("recovery.sheet", { user: mx.getUserId()!, name: config.name || config.server_name })}</p>
            <ol className="code" aria-label={t("recovery.code")} data-code>
                {parts.map((part, i) => (
                    <li key={i}>
                        <span className="quiet">{i + 1}</span> <b>{part}</b>
                    </li>
                ))}
            </ol>
            <div className="buttons">
                <Button onPress={() => window.print()}>{t("recovery.print")}</Button>
                <Button onPress={copy}>{t("recovery.copy")}</Button>
            </div>
            <p role="status">{copied && t(`recovery.copied.${copied}`)}</p>
            <p className="notice attention">{t("recovery.keep")}</p>
            <div className="buttons">
                <Button look="primary" onPress={onKept}>{t("recovery.kept")}</Button>
                <Button onPress={onLater}>{t("recovery.later")}</Button>
            </div>
            <p className="quiet">{t("recovery.laterMeans")}</p>
        </main>
    );
}

interface TypeBackProps {
    code: GeneratedSecretStorageKey;
    parts: string[];
    onDone(): void;
    onBack(): void;
}

function TypeBack({ code, parts, onDone, onBack }: TypeBackProps) {
    const t = useT();
    const client = useClient();
    const [asked] = useState(() => askedGroups(parts.length));
    const [wrong, setWrong] = useState<number[]>([]);
    const save = useAction(
        useCallback(async () => {
            await saveWith(client, code);
            onDone();
        }, [client, code, onDone]),
    );
    const submit = (event: FormEvent<HTMLFormElement>) => {
        event.preventDefault();
        const form = new FormData(event.currentTarget);
        const missed = asked.filter((i) => !matches(String(form.get(`group-${i}`)), parts[i]!));
        setWrong(missed);
        if (!missed.length) save.run();
    };
    return (
        <main className="alone">
            <h1 tabIndex={-1} ref={focusOnce}>{t("recovery.proveTitle")}</h1>
            <p>{t("recovery.prove")}</p>
            <form onSubmit={submit}>
                {asked.map((i) => (
                    <TextInput
                        key={i} name={`group-${i}`} label={t("recovery.group", { number: i + 1 })} exact
                        error={wrong.includes(i) ? t("recovery.groupWrong", { number: i + 1 }) : null}
                    />
                ))}
                <Fault>{save.fault}</Fault>
                <div className="buttons">
                    <Button look="primary" type="submit" isDisabled={save.busy}>
                        {t(save.busy ? "recovery.saving" : "recovery.confirm")}
                    </Button>
                    <Button onPress={onBack} isDisabled={save.busy}>{t("recovery.showAgain")}</Button>
                </div>
            </form>
        </main>
    );
}

/** The page has changed: whoever does not see it hears its title. */
const focusOnce = (heading: HTMLElement | null): void => heading?.focus();
