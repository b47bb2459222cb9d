import { useCallback, useState, type FormEvent } from "react";
import { useClient } from "../client/context";
import { useT } from "../i18n";
import { Button } from "../ui/Button";
import { Fault } from "../ui/Fault";
import { Modal } from "../ui/Modal";
import { TextInput } from "../ui/TextInput";
import { useAction } from "../ui/useAction";
import { withPassword, WrongPassword } from "./uia";

/** Ends connections elsewhere; the password shows that it is the account's owner who does. */
export default function SignOut({ devices, onClose }: { devices: string[]; onClose(): void }) {
    const t = useT();
    const { mx } = useClient();
    const [password, setPassword] = useState("");
    const [wrong, setWrong] = useState(false);
    const end = useAction(
        useCallback(async (typed: string) => {
            try {
                await withPassword(mx, typed, (auth) => mx.deleteMultipleDevices(devices, auth));
                onClose();
            } catch (error) {
                if (!(error instanceof WrongPassword)) throw error;
                setWrong(true);
            }
        }, [mx, devices, onClose]),
    );
    const submit = (event: FormEvent): void => {
        event.preventDefault();
        if (password) end.run(password);
    };
    return (
        <Modal title={t("devices.endTitle", { count: devices.length })} onClose={onClose}>
            <form onSubmit={submit}>
                <p>{t("devices.endMeans")}</p>
                <TextInput
                    label={t("password.old")} type="password" autoComplete="current-password" autoFocus value={password}
                    onChange={(value) => (setPassword(value), setWrong(false))} error={wrong ? t("password.wrong") : null}
                />
                <Fault>{end.fault}</Fault>
                <div className="buttons">
                    <Button look="danger" type="submit" isDisabled={!password || end.busy}>{t(end.busy ? "logout.busy" : "devices.end")}</Button>
                    <Button onPress={onClose}>{t("common.cancel")}</Button>
                </div>
            </form>
        </Modal>
    );
}
