import { useCallback, useState, type FormEvent } from "react";
import { useClient } from "../client/context";
import { useT } from "../i18n";
import { clock, day } from "../i18n/dates";
import { Button } from "../ui/Button";
import { Fault } from "../ui/Fault";
import { TextInput } from "../ui/TextInput";
import { useAction } from "../ui/useAction";
import type { Shown } from "./Devices";

interface Props {
    device: Shown;
    own?: boolean;
    onRenamed(): void;
    onEnd?(): void;
}

/** A device: its name, when it was here last, whether it is confirmed. */
export function Device({ device, own = false, onRenamed, onEnd }: Props) {
    const t = useT();
    const [naming, setNaming] = useState(false);
    const name = device.display_name || t("devices.unnamed", { id: device.device_id });
    const seen = device.last_seen_ts;
    return (
        <li className="card">
            <div className="words">
                <p className="name">{name}</p>
                {own && <p>{t("devices.own")}</p>}
                {!own && <p className="quiet">{seen ? t("devices.seen", { day: day(seen), time: clock(seen) }) : t("devices.unseen")}</p>}
                <p className={device.confirmed ? "quiet" : "attention-text"}>{t(device.confirmed ? "devices.confirmed" : "devices.unconfirmed")}</p>
                {naming && <Rename device={device} name={name} onDone={() => (setNaming(false), onRenamed())} />}
            </div>
            {!naming && <Button aria-label={t("devices.renameNamed", { name })} onPress={() => setNaming(true)}>{t("devices.rename")}</Button>}
            {onEnd && <Button look="danger" aria-label={t("devices.endNamed", { name })} onPress={onEnd}>{t("devices.end")}</Button>}
        </li>
    );
}

function Rename({ device, name, onDone }: { device: Shown; name: string; onDone(): void }) {
    const t = useT();
    const { mx } = useClient();
    const [typed, setTyped] = useState(name);
    const save = useAction(
        useCallback(async (next: string) => {
            await mx.setDeviceDetails(device.device_id, { display_name: next });
            onDone();
        }, [mx, device, onDone]),
    );
    const submit = (event: FormEvent): void => {
        event.preventDefault();
        if (typed.trim()) save.run(typed.trim());
    };
    return (
        <form onSubmit={submit} className="form">
            <TextInput label={t("devices.name")} value={typed} onChange={setTyped} autoFocus maxLength={100} />
            <Fault>{save.fault}</Fault>
            <div className="buttons">
                <Button look="primary" type="submit" isDisabled={save.busy || !typed.trim()}>{t("profile.save")}</Button>
                <Button onPress={onDone}>{t("common.cancel")}</Button>
            </div>
        </form>
    );
}
