import { useEffect, useState } from "react";
import { useClient } from "../client/context";

/** Tells whether the account has another device that could confirm this one: it has keys, and its owner confirmed it. */
export function useOtherDevices(): boolean {
    const { mx } = useClient();
    const [others, setOthers] = useState(false);
    useEffect(() => {
        let over = false;
        void look().then((found) => over || setOthers(found), () => {}); // unknown: the code is there
        async function look(): Promise<boolean> {
            const crypto = mx.getCrypto()!;
            const user = mx.getSafeUserId();
            const devices = (await crypto.getUserDeviceInfo([user], true)).get(user)?.keys() ?? [];
            for (const device of devices) {
                if (device !== mx.getDeviceId() && (await crypto.getDeviceVerificationStatus(user, device))?.signedByOwner) return true;
            }
            return false;
        }
        return () => void (over = true);
    }, [mx]);
    return others;
}
