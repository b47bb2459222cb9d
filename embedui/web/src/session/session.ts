/** A connection to the server: what a log-in gave, as long as nobody logs out. */
export interface Session {
    userId: string;
    deviceId: string;
    accessToken: string;
    refreshToken?: string;
    /** Milliseconds since 1970; missing: the access token does not end. */
    expiresAt?: number;
    /** The server no longer takes the tokens, but this device keeps its keys (specification: "Soft logout"). */
    asleep?: boolean;
}

/** The answer of POST /login and /refresh. */
export interface Grant {
    access_token: string;
    refresh_token?: string;
    expires_in_ms?: number;
}

const key = "beffroi.session";

export function readSession(): Session | null {
    const text = localStorage.getItem(key);
    return text ? (JSON.parse(text) as Session) : null;
}

export function writeSession(session: Session | null): void {
    if (session) localStorage.setItem(key, JSON.stringify(session));
    else localStorage.removeItem(key);
}

/** Tells when another tab logs in or out. */
export function onSessionElsewhere(callback: () => void): () => void {
    const listener = (event: StorageEvent): void => {
        if (event.key === key || event.key === null) callback();
    };
    addEventListener("storage", listener);
    return () => removeEventListener("storage", listener);
}

export function granted(session: Pick<Session, "userId" | "deviceId">, grant: Grant, now: number): Session {
    return {
        userId: session.userId,
        deviceId: session.deviceId,
        accessToken: grant.access_token,
        refreshToken: grant.refresh_token,
        expiresAt: grant.expires_in_ms ? now + grant.expires_in_ms : undefined,
    };
}
