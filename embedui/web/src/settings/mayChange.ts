import type { Capabilities } from "matrix-js-sdk";

interface Fields {
    enabled?: unknown;
    allowed?: unknown;
    disallowed?: unknown;
}

const older = { displayname: "m.set_displayname", avatar_url: "m.set_avatar_url" } as const;

/** Whether the commune lets people change their name or picture. Spec: client-server API, "Capabilities negotiation". Where it says nothing, it does. */
export function mayChange(capabilities: Capabilities, field: keyof typeof older): boolean {
    const all = capabilities as Record<string, Fields | undefined>;
    if (all[older[field]]?.enabled === false) return false;
    const { enabled, allowed, disallowed } = all["m.profile_fields"] ?? {};
    if (enabled === false) return false;
    if (Array.isArray(allowed)) return allowed.includes(field);
    return !(Array.isArray(disallowed) && disallowed.includes(field));
}
