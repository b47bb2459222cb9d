import { isUserId } from "../client/identifier";

export interface Contact {
    role: "admin" | "security" | "other";
    email: string | null;
    user: string | null;
}

export interface Support {
    contacts: Contact[];
    page: string | null;
}

/** Reads /.well-known/matrix/support; what isn't as it should be is left out. Spec: client-server API, "Server Discovery". */
export function contactsOf(answer: unknown): Support {
    const { contacts, support_page: page } = record(answer);
    const all = Array.isArray(contacts) ? contacts.map(contactOf) : [];
    return { contacts: all.filter(({ email, user }) => email || user), page: typeof page === "string" && /^https?:\/\//.test(page) ? page : null };
}

function contactOf(value: unknown): Contact {
    const { role, email_address: email, matrix_id: user } = record(value);
    return {
        role: role === "m.role.admin" ? "admin" : role === "m.role.security" ? "security" : "other",
        email: typeof email === "string" && /^[^\s@]+@[^\s@]+$/.test(email) ? email : null,
        user: typeof user === "string" && isUserId(user) ? user : null,
    };
}

function record(value: unknown): Record<string, unknown> {
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}
