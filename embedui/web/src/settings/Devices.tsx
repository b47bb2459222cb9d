import type { IMyDevice } from "matrix-js-sdk";
import { useCallback, useEffect, useState } from "react";
import { useClient } from "../client/context";
import { useT } from "../i18n";
import { Button } from "../ui/Button";
import { DialogueFrame } from "../ui/DialogueFrame";
import { Fault } from "../ui/Fault";
import { lazyPart } from "../ui/lazy";
import { useAction } from "../ui/useAction";
import { Device } from "./Device";

const SignOut = lazyPart(() => import("./SignOut"), { frame: DialogueFrame });

export interface Shown extends IMyDevice {
    confirmed: boolean;
}

/** Where the account is connected, this device first; each can be ended. */
export function Devices() {
    const t = useT();
    const { mx } = useClient();
    const [devices, setDevices] = useState<Shown[] | null>(null);
    const [ending, setEnding] = useState<string[] | null>(null);
    const load = useAction(useCallback(async () => setDevices(await devicesOf(mx)), [mx]));
    useEffect(() => load.run(), [load.run]);
    const own = devices?.filter(({ device_id: id }) => id === mx.getDeviceId()) ?? [];
    const others = devices?.filter(({ device_id: id }) => id !== mx.getDeviceId()) ?? [];
    return (
        <>
            <p>{t("devices.means")}</p>
            <Fault>{load.fault}</Fault>
            {!devices && <p role="status">{load.busy ? t("part.loading") : ""}</p>}
            <ul className="cards">
                {own.map((device) => <Device key={device.device_id} device={device} own onRenamed={load.run} />)}
            </ul>
            {devices && !others.length && <p className="quiet">{t("devices.alone")}</p>}
            {others.length > 0 && (
                <section aria-labelledby="other-devices">
                    <h3 id="other-devices">{t("devices.others", { count: others.length })}</h3>
                    <ul className="cards">
                        {others.map((device) => <Device key={device.device_id} device={device} onRenamed={load.run} onEnd={() => setEnding([device.device_id])} />)}
                    </ul>
                    {others.length > 1 && <Button look="danger" onPress={() => setEnding(others.map((device) => device.device_id))}>{t("devices.endOthers")}</Button>}
                </section>
            )}
            {ending && <SignOut devices={ending} onClose={() => (setEnding(null), load.run())} />}
        </>
    );
}

async function devicesOf(mx: ReturnType<typeof useClient>["mx"]): Promise<Shown[]> {
    const { devices } = await mx.getDevices();
    const shown = devices.map(async (device): Promise<Shown> => {
        const status = await mx.getCrypto()!.getDeviceVerificationStatus(mx.getSafeUserId(), device.device_id);
        return { ...device, confirmed: status?.crossSigningVerified ?? false };
    });
    return (await Promise.all(shown)).sort((a, b) => (b.last_seen_ts ?? 0) - (a.last_seen_ts ?? 0));
}
