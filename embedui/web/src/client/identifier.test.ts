import { expect, test } from "vitest";
import { spoken, userIdFrom } from "./identifier";

test.each([
    ["prenom.nom", "@prenom.nom:mairie.fr"],
    ["  Prenom.Nom ", "@prenom.nom:mairie.fr"],
    ["@prenom.nom", "@prenom.nom:mairie.fr"],
    ["prenom.nom:vauclair.fr", "@prenom.nom:vauclair.fr"],
    ["@prenom.nom:vauclair.fr:8448", "@prenom.nom:vauclair.fr:8448"],
    ["@a:[::1]:8448", "@a:[::1]:8448"],
])("%j names %s", (typed, id) => {
    expect(userIdFrom(typed, "mairie.fr")).toBe(id);
});

test.each(["", " ", "@", ":", "a:", "prénom.nom", "prenom nom", "a@b.fr", "a:b c", "x".repeat(256)])("%j is nobody", (typed) => {
    expect(userIdFrom(typed, "mairie.fr")).toBeNull();
});

test("people of the own server are called without it", () => {
    expect(spoken("@prenom.nom:mairie.fr", "mairie.fr")).toBe("prenom.nom");
    expect(spoken("@prenom.nom:vauclair.fr:8448", "mairie.fr")).toBe("prenom.nom:vauclair.fr:8448");
});
