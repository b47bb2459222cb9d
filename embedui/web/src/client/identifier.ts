/**
 * Turns what people type into a user id: "prenom.nom" is of the own server, "prenom.nom:autre.fr" and "@prenom.nom:autre.fr" name
 * theirs. Null where it can't be one. Spec: appendices, "User Identifiers".
 */
export function userIdFrom(typed: string, ownServer: string): string | null {
    const text = typed.trim().replace(/^@/, "");
    const [localpart = "", ...rest] = text.split(":");
    const server = rest.length ? rest.join(":") : ownServer;
    const id = `@${localpart.toLowerCase()}:${server.toLowerCase()}`;
    const valid = /^@[a-z0-9._=\-/+]+:[a-z0-9.\-[\]:]+$/.test(id) && id.length <= 255 && !server.endsWith(":");
    return valid && server ? id : null;
}

/** The identifier as people of the own server say it: "prenom.nom"; of others with their server. */
export function spoken(userId: string, ownServer: string): string {
    const [localpart, ...server] = userId.replace(/^@/, "").split(":");
    return server.join(":") === ownServer ? localpart! : `${localpart}:${server.join(":")}`;
}

export function isUserId(text: string): boolean {
    return /^@[^:]+:.+/.test(text);
}
