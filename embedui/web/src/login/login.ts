import type { Grant, Session } from "../session/session";
import { granted } from "../session/session";

/** What went wrong at a log-in; each has its sentence in the catalogue. */
export type LoginFault = "wrong" | "slow" | "unreachable" | "deactivated" | "refused";

export class LoginError extends Error {
    constructor(readonly fault: LoginFault) {
        super(fault);
    }
}

/** Logs in by password, without the SDK. `again` is a session that sleeps: the device stays the same. */
export async function logIn(base: string, user: string, password: string, device: string, again?: Session): Promise<Session> {
    const response = await fetch(`${base}/_matrix/client/v3/login`, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({
            type: "m.login.password",
            identifier: { type: "m.id.user", user },
            password,
            refresh_token: true,
            ...(again ? { device_id: again.deviceId } : { initial_device_display_name: device }),
        }),
    }).catch(() => {
        throw new LoginError("unreachable");
    });
    const answer = (await response.json().catch(() => ({}))) as Grant & { user_id: string; device_id: string; errcode?: string };
    if (!response.ok) throw new LoginError(faultOf(response.status, answer.errcode));
    return granted({ userId: answer.user_id, deviceId: answer.device_id }, answer, Date.now());
}

export function faultOf(status: number, errcode?: string): LoginFault {
    if (errcode === "M_USER_DEACTIVATED" || errcode === "M_USER_LOCKED" || errcode === "M_USER_SUSPENDED") return "deactivated";
    if (status === 403) return "wrong";
    if (status === 429) return "slow";
    return status >= 500 ? "unreachable" : "refused";
}

/** What people typed as their identifier, as POST /login takes it. */
export function loginName(typed: string): string {
    const name = typed.trim();
    if (name.startsWith("@")) return name;
    return name.includes(":") ? `@${name}` : name.toLowerCase();
}

const browsers = { "Edg/": "Edge", "Firefox": "Firefox", "Chrome": "Chrome", "Safari": "Safari" };
const systems = { "Android": "Android", "iPhone": "iPhone", "iPad": "iPad", "Windows": "Windows", "Mac OS X": "macOS", "CrOS": "ChromeOS", "Linux": "Linux" };

/** How this browser is listed among the account's connections: "Beffroi, Firefox, Windows". */
export function deviceName(agent = navigator.userAgent): string {
    const named = (names: Record<string, string>) => Object.entries(names).find(([mark]) => agent.includes(mark))?.[1];
    return ["Beffroi", named(browsers), named(systems)].filter(Boolean).join(", ");
}
