import { useCallback, useState, type FormEvent } from "react";
import { useClient } from "../client/context";
import { useT } from "../i18n";
import { Button } from "../ui/Button";
import { Fault } from "../ui/Fault";
import { lazyPart } from "../ui/lazy";
import { TextInput } from "../ui/TextInput";
import { useTitle } from "../ui/title";
import { useAction } from "../ui/useAction";
import { openWith, unlockWithSecrets, WrongCode } from "./recovery";
import { useOtherDevices } from "./useOtherDevices";

const Outgoing = lazyPart(() => import("../verification/Outgoing"));

interface Props {
    onDone(): void;
    onLater(): void;
}

/** Another device than the first is confirmed: by one that is, or by the recovery code. */
export function EnterCode({ onDone, onLater }: Props) {
    const t = useT();
    const client = useClient();
    const others = useOtherDevices();
    const [byDevice, setByDevice] = useState(false);
    useTitle(t("enter.title"));
    if (!byDevice) return <ByCode onDone={onDone} onLater={onLater} onDevice={others ? () => setByDevice(true) : undefined} />;
    const confirmed = (): void => {
        void unlockWithSecrets(client.mx);
        onDone();
    };
    return (
        <main className="alone">
            <h1>{t("enter.title")}</h1>
            <p>{t("verification.byDeviceWhy")}</p>
            <Outgoing onDone={confirmed} onEnd={() => setByDevice(false)} />
        </main>
    );
}

interface ByCodeProps extends Props {
    /** Missing: there is no other device. */
    onDevice?(): void;
}

function ByCode({ onDone, onLater, onDevice }: ByCodeProps) {
    const t = useT();
    const client = useClient();
    const [typed, setTyped] = useState("");
    const [wrong, setWrong] = useState(false);
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
            {onDevice && (
                <div className="buttons">
                    <Button onPress={onDevice} isDisabled={open.busy}>{t("verification.byDevice")}</Button>
                </div>
            )}
            <p className="quiet">{t("enter.laterMeans")}</p>
        </main>
    );
}
