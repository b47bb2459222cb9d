import { useCallback, useState, type FormEvent } from "react";
import { useClient } from "../client/context";
import { useT } from "../i18n";
import { Button } from "../ui/Button";
import { Fault } from "../ui/Fault";
import { TextInput } from "../ui/TextInput";
import { useTitle } from "../ui/title";
import { useAction } from "../ui/useAction";
import { openWith, WrongCode } from "./recovery";

interface Props {
    onDone(): void;
    onLater(): void;
}

/** Asks for the recovery code on another device than the first. */
export function EnterCode({ onDone, onLater }: Props) {
    const t = useT();
    const client = useClient();
    const [typed, setTyped] = useState("");
    const [wrong, setWrong] = useState(false);
    useTitle(t("enter.title"));
    const open = useAction(
        useCallback(
            async (code: string) => {
                try {
                    await openWith(client, code);
                    onDone();
                } catch (error) {
                    if (!(error instanceof WrongCode)) throw error;
                    setWrong(true);
                }
            },
            [client, onDone],
        ),
    );
    const submit = (event: FormEvent): void => {
        event.preventDefault();
        setWrong(false);
        open.run(typed);
    };
    return (
        <main className="alone">
            <h1>{t("enter.title")}</h1>
            <p>{t("enter.why")}</p>
            <form onSubmit={submit}>
                <TextInput
                    label={t("enter.code")} hint={t("enter.hint")} value={typed} onChange={setTyped} autoFocus exact
                    error={wrong ? t("enter.wrong") : null}
                />
                <Fault>{open.fault}</Fault>
                <div className="buttons">
                    <Button look="primary" type="submit" isDisabled={open.busy}>
                        {t(open.busy ? "enter.busy" : "enter.submit")}
                    </Button>
                    <Button onPress={onLater} isDisabled={open.busy}>{t("recovery.later")}</Button>
                </div>
            </form>
            <p className="quiet">{t("enter.laterMeans")}</p>
        </main>
    );
}
