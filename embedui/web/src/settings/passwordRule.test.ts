import { expect, test } from "vitest";
import { problemsOf } from "./passwordRule";

// The same cases as the server's rule has (server/passwordrule).
test.each([
    ["", ["missing"]],
    ["x".repeat(513), ["tooLong"]],
    ["é".repeat(257), ["tooLong"]],
    ["Belle-Matinee-2026!", []],
    ["Matinee-2026", []],
    ["Matin-2026", ["short"]],
    ["Belle-Matinee", ["longer", "noDigit"]],
    ["Belle-Matinees", []],
    ["bellematinee", ["noUpper", "noDigit", "noSpecial"]],
    ["le chat dort sous la table bleue", []],
    ["chat chat chat chat chat chat chat", ["noUpper", "noDigit"]],
    ["abc", ["short", "noUpper", "noDigit", "noSpecial"]],
])("%j lacks %j", (password, problems) => {
    expect(problemsOf(password)).toEqual(problems);
});
