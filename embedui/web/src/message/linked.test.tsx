import { renderToStaticMarkup } from "react-dom/server";
import { expect, test } from "vitest";
import { linked } from "./linked";

const html = (text: string) => renderToStaticMarkup(<>{linked(text)}</>);
const link = (href: string, text: string) => `<a href="${href}" target="_blank" rel="noreferrer noopener">${text}</a>`;

test.each([
    ["voir https://mairie.fr/avis?a=1 vite", `voir ${link("https://mairie.fr/avis?a=1", "https://mairie.fr/avis?a=1")} vite`],
    ["mairie.fr", link("https://mairie.fr", "mairie.fr")],
    ["http://ancien.fr", link("http://ancien.fr", "http://ancien.fr")],
    ["écrire à accueil@mairie.fr", `écrire à ${link("mailto:accueil@mairie.fr", "accueil@mairie.fr")}`],
])("%s", (text, expected) => {
    expect(html(text)).toBe(expected);
});

test.each(["javascript:alert(1)", "data:text/html,x", "ftp://exemple.fr/f", "délibération.pdf"])("%s is no link", (text) => {
    expect(html(text)).not.toContain("<a");
});

test("what looks like HTML is text", () => {
    expect(html('<img src=x onerror="alert(1)"> & <script>')).toBe("&lt;img src=x onerror=&quot;alert(1)&quot;&gt; &amp; &lt;script&gt;");
    expect(html('https://a.fr/"><script>alert(1)</script>')).not.toContain("<script");
});
