import { expect, test } from "vitest";
import { disguised, matrixTo, targetOf } from "./address";

const here = "https://messagerie.saint-aubin.fr";

test.each([
    ["https://matrix.to/#/@paul:ville.fr", { kind: "person", userId: "@paul:ville.fr" }],
    ["https://matrix.to/#/%40paul%3Aville.fr", { kind: "person", userId: "@paul:ville.fr" }],
    ["https://matrix.to/#/#accueil:ville.fr", { kind: "salon", room: "#accueil:ville.fr", via: [] }],
    ["https://matrix.to/#/!a:ville.fr/$e?via=ville.fr&via=b.fr", { kind: "salon", room: "!a:ville.fr", event: "$e", via: ["ville.fr", "b.fr"] }],
    ["https://matrix.to/#/!a:ville.fr/x", { kind: "salon", room: "!a:ville.fr", via: [] }],
    ["https://matrix.to/", { kind: "web", href: "https://matrix.to/" }],
    ["matrix:u/paul:ville.fr?action=chat", { kind: "person", userId: "@paul:ville.fr" }],
    ["matrix:r/accueil:ville.fr", { kind: "salon", room: "#accueil:ville.fr", via: [] }],
    ["matrix:roomid/a:ville.fr/e/xyz?via=b.fr", { kind: "salon", room: "!a:ville.fr", event: "$xyz", via: ["b.fr"] }],
    ["matrix:other/x", null],
    [`${here}/salon/!a%3Aville.fr`, { kind: "salon", room: "!a:ville.fr", via: [] }],
    [`${here}/salon/!a%3Aville.fr/%24e`, { kind: "salon", room: "!a:ville.fr", event: "$e", via: [] }],
    [`${here}/salon/`, null],
    ["https://service-public.fr/x?y=1", { kind: "web", href: "https://service-public.fr/x?y=1" }],
    ["mailto:accueil@ville.fr", { kind: "web", href: "mailto:accueil@ville.fr" }],
    ["/salon/!a:b", null],
    ["javascript:alert(1)", null],
    [" javascript:alert(1)", null],
    ["JaVaScRiPt:alert(1)", null],
    ["java\nscript:alert(1)", null],
    ["data:text/html,<script>alert(1)</script>", null],
    ["vbscript:x", null],
    ["ftp://ville.fr/f", null],
    ["blob:https://messagerie.saint-aubin.fr/x", null],
    ["https://matrix.to/#/%E0%A4%A", { kind: "web", href: "https://matrix.to/#/%E0%A4%A" }],
    ["https://a.fr/" + "x".repeat(5000), null],
])("%s", (href, target) => {
    expect(targetOf(href, here)).toEqual(target);
});

test.each([
    ["https://banque.fr/compte", "https://voleur.example/", "voleur.example"],
    ["banque.fr", "https://voleur.example/banque.fr", "voleur.example"],
    ["impots.gouv.fr", "https://www.impots.gouv.fr/accueil", null],
    ["www.ville.fr", "https://ville.fr", null],
    ["le site de la banque", "https://voleur.example/", null],
    ["délibération.pdf", "https://ville.fr/f", null],
    ["mairie.fr", "mailto:a@b.fr", null],
])("%s, which leads to %s", (words, href, host) => {
    expect(disguised(words, href)).toBe(host);
});

test("an address for any client", () => {
    expect(matrixTo("!a:ville.fr", "$e/x", ["ville.fr"])).toBe("https://matrix.to/#/!a%3Aville.fr/%24e%2Fx?via=ville.fr");
    expect(targetOf(matrixTo("!a:ville.fr", "$e/x", ["ville.fr"]), here)).toEqual({ kind: "salon", room: "!a:ville.fr", event: "$e/x", via: ["ville.fr"] });
});
