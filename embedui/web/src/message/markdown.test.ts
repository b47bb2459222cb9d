import { expect, test } from "vitest";
import { toHtml } from "./markdown";

test.each([
    "Bonjour", "Bonjour,\n\nà demain.\nPaul", "12 000 € ; 50 % : « oui » !", "3*4*5 m", "nom_de_fichier_long", "+ 3 personnes", "~10 à ~20 €",
    "    quatre espaces", "Titre\n===", "<b>pas gras</b>", "a < b & c > d", "voir https://mairie.fr/a?b=1&c=2", "accueil@mairie.fr", "[note]: https://a.fr", "#École", "14 h 30", ":-) *",
])("%j is plain", (text) => {
    expect(toHtml(text, [])).toBeNull();
});

test.each([
    ["**gras** et *italique* et ~~barré~~", "<strong>gras</strong> et <em>italique</em> et <del>barré</del>"],
    ["`a < b`", "<code>a &lt; b</code>"],
    ["**a**\nb", "<strong>a</strong><br>b"],
    ["- un\n- **deux**", "<ul><li>un</li><li><strong>deux</strong></li></ul>"],
    ["- un\n  - deux", "<ul><li>un<ul><li>deux</li></ul></li></ul>"],
    ["3. trois\n4. quatre", '<ol start="3"><li>trois</li><li>quatre</li></ol>'],
    ["- [x] fait\n- [ ] à faire", "<ul><li>☑ fait</li><li>☐ à faire</li></ul>"],
    ["> cité\n\nréponse", "<blockquote><p>cité</p></blockquote><p>réponse</p>"],
    ["# Titre\ntexte", "<h1>Titre</h1><p>texte</p>"],
    ["```sh\nls <x>\n```", '<pre><code class="language-sh">ls &lt;x&gt;\n</code></pre>'],
    ["[ici](https://a.fr)", '<a href="https://a.fr">ici</a>'],
    ["[ici](javascript:alert(1)) **x**", "ici <strong>x</strong>"],
    ['[ici](https://a.fr/"onclick=1) **x**', '<a href="https://a.fr/&quot;onclick=1">ici</a> <strong>x</strong>'],
    ["![photo](https://a.fr/x.png) **x**", "![photo](https://a.fr/x.png) <strong>x</strong>"],
    ["**<script>alert(1)</script>**", "<strong>&lt;script&gt;alert(1)&lt;/script&gt;</strong>"],
    ["| a | b |\n|---|---|\n| 1 | **2** |", "<table><thead><tr><th>a</th><th>b</th></tr></thead><tbody><tr><td>1</td><td><strong>2</strong></td></tr></tbody></table>"],
    ["\\*pas gras\\*", "*pas gras*"],
    ["**prix :** 5 €", "<strong>prix :</strong> 5 €"],
    ["&amp; **x**", "&amp;amp; <strong>x</strong>"],
])("%j", (text, html) => {
    expect(toHtml(text, [])).toBe(html);
});

test("people and salons are links, in code they are what was typed", () => {
    const mentions = [{ text: "@Paul <b>", id: "@paul:v.fr" }, { text: "#Conseil", id: "!c:v.fr" }, { text: "@salon", id: "@room" }];
    expect(toHtml("@Paul <b>, #Conseil `@Paul <b>` @salon", mentions)).toBe(
        '<a href="https://matrix.to/#/%40paul%3Av.fr">Paul &lt;b&gt;</a>, <a href="https://matrix.to/#/!c%3Av.fr">#Conseil</a> <code>@Paul &lt;b&gt;</code> @salon',
    );
});

test("marks of our own in what was typed are nothing", () => {
    expect(toHtml("\ue0000\ue001 **x**", [])).toBe("0 <strong>x</strong>");
});
