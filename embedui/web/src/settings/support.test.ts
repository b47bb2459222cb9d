import { expect, test } from "vitest";
import { contactsOf } from "./support";

test("whom to ask is read, what is broken or dangerous is left out", () => {
    expect(contactsOf({
        contacts: [
            { role: "m.role.admin", email_address: "dsi@mairie.fr", matrix_id: "@dsi:mairie.fr" }, { role: "m.role.security", email_address: "securite@mairie.fr" },
            { role: "fr.autre", matrix_id: "@aide:mairie.fr" }, { role: "m.role.admin" }, { role: 3, email_address: "a b@c", matrix_id: 4 }, null, "x",
        ],
        support_page: "https://mairie.fr/aide",
    })).toEqual({
        contacts: [
            { role: "admin", email: "dsi@mairie.fr", user: "@dsi:mairie.fr" }, { role: "security", email: "securite@mairie.fr", user: null },
            { role: "other", email: null, user: "@aide:mairie.fr" },
        ],
        page: "https://mairie.fr/aide",
    });
});

test.each([[null], [{}], [[]], ["x"], [{ contacts: {}, support_page: "javascript:alert(1)" }]])("%j names nobody", (answer) => {
    expect(contactsOf(answer)).toEqual({ contacts: [], page: null });
});
