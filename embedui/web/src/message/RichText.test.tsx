import { renderToStaticMarkup } from "react-dom/server";
import { expect, test, vi } from "vitest";
import { rich } from "./RichText";
import { type RichElement, type RichNode, type Tag } from "./tree";

vi.stubGlobal("location", { origin: "https://ici.fr" });

const el = (tag: Tag, children: RichNode[] = [], attrs: Record<string, string> = {}): RichElement => ({ tag, attrs, children });
const html = (...nodes: RichNode[]) => renderToStaticMarkup(<>{rich(nodes)}</>).replaceAll(/<\/?span>/g, "");

test.each([
    ["a link", [el("a", ["ici"], { href: "https://a.fr" })], '<a href="https://a.fr/" target="_blank" rel="noreferrer noopener">ici</a>'],
    ["a script's link is its words", [el("a", ["ici"], { href: "javascript:alert(1)" })], "ici"],
    ["a link in a link", [el("a", ["x ", el("a", ["https://b.fr"], { href: "https://b.fr" })], { href: "https://a.fr" })], '<a href="https://a.fr/" target="_blank" rel="noreferrer noopener">x https://b.fr</a>'],
    ["a list's number", [el("ol", [el("li", ["a"])], { start: "4" })], '<ol start="4"><li>a</li></ol>'],
    ["a wrong number", [el("ol", ["\n", el("li", ["a"])], { start: "1e9" })], "<ol><li>a</li></ol>"],
    ["headings below the page's own", [el("h1", ["Titre"])], '<h3 class="heading">Titre</h3>'],
    ["cells outside of a table", [el("td", ["a"]), el("li", ["b"])], "ab"],
    ["a table without tbody", [el("table", [el("tr", [el("th", ["a"]), "x", el("td", ["b"])])])], '<div class="wide"><table><tbody><tr><th>a</th><td>b</td></tr></tbody></table></div>'],
    ["an image is its words", [el("img", [], { alt: ":fête:" }), el("img")], ":fête:"],
    ["code is no link", [el("code", ["https://a.fr"])], "<code>https://a.fr</code>"],
])("%s", (_what, nodes, expected) => {
    expect(html(...(nodes as RichNode[]))).toBe(expected);
});
