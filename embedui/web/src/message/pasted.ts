// What word processors, tables and pages put into the clipboard, as one would have typed it. Nothing of it but text reaches the page.

/** Null: there is nothing in it that plain text doesn't have. */
export function markdownOf(html: string): string | null {
    const { body } = new DOMParser().parseFromString(html, "text/html");
    const writer = new PasteWriter();
    const text = writer.blocks(body).replace(/[ \t]+\n/g, "\n").replace(/\n{3,}/g, "\n\n").replace(betweenItems, "$1\n").trim();
    return writer.structured ? text : null;
}

const betweenItems = /^( *(?:-|\d+\.) .*)\n\n(?= *(?:-|\d+\.) )/gm; // Word's lists are paragraphs

const skipped = new Set(["style", "script", "meta", "link", "title", "img", "svg", "math", "object", "template", "noscript"]);
const blocks = new Set(["p", "div", "ul", "ol", "li", "table", "h1", "h2", "h3", "h4", "h5", "h6", "pre", "blockquote", "hr", "section", "article", "main", "dl", "dd", "dt"]);

class PasteWriter {
    structured = false;

    /** What is inside of an element, as blocks on lines of their own. */
    blocks(element: Element): string {
        let text = "";
        for (const node of element.childNodes) {
            if (node instanceof Element && (blocks.has(node.localName) || node.querySelector("p, table, ul, ol, h1, h2, h3"))) text += `\n${this.block(node)}\n`;
            else text += this.inline(node);
        }
        return text;
    }

    private block(element: Element): string {
        const tag = element.localName;
        if (wordList(element)) return this.wordItem(element);
        if (/^h[1-6]$/.test(tag)) return this.mark(`\n${"#".repeat(Number(tag[1]))} ${oneLine(this.inlineAll(element))}\n`);
        switch (tag) {
            case "ul":
            case "ol":
                return this.list(element, 0);
            case "table":
                return this.table(element as HTMLTableElement);
            case "pre":
                return this.mark(`\n\`\`\`\n${element.textContent}\n\`\`\`\n`);
            case "blockquote":
                return this.mark(this.blocks(element).trim().replace(/^/gm, "> "));
            case "hr":
                return this.mark("\n---\n");
            case "p":
                return `\n${this.blocks(element).trim()}\n`;
            default:
                return this.blocks(element);
        }
    }

    private list(list: Element, depth: number): string {
        const first = Number(list.getAttribute("start") ?? 1) || 1;
        const items = [...list.children].filter(({ localName }) => localName === "li");
        const lines = items.map((item, i) => this.item(item, list.localName === "ol" ? `${first + i}.` : "-", depth));
        return this.mark(`${depth ? "" : "\n"}${lines.join("\n")}${depth ? "" : "\n"}`);
    }

    private item(item: Element, sign: string, depth: number): string {
        const inner = [...item.children].filter(({ localName }) => ["ul", "ol"].includes(localName));
        const own = item.cloneNode(true) as Element;
        own.querySelectorAll(":scope > ul, :scope > ol").forEach((list) => list.remove());
        const line = `${"   ".repeat(depth)}${sign} ${oneLine(this.blocks(own))}`;
        return [line, ...inner.map((list) => this.list(list, depth + 1))].join("\n");
    }

    /** Word writes lists as paragraphs with the bullet as text in them. */
    private wordItem(element: Element): string {
        const depth = Number(element.getAttribute("style")?.match(/level(\d)/)?.[1] ?? 1) - 1;
        const copy = element.cloneNode(true) as Element;
        let bullet = "";
        copy.querySelectorAll('[style*="mso-list:Ignore"], [style*="mso-list: Ignore"]').forEach((mark) => ((bullet = mark.textContent ?? ""), mark.remove()));
        const sign = /^\s*\(?[0-9a-z]{1,3}[.)]/i.test(bullet) ? `${bullet.match(/\d+/)?.[0] ?? 1}.` : "-";
        return this.mark(`${"   ".repeat(depth)}${sign} ${oneLine(this.blocks(copy))}`);
    }

    private table(table: HTMLTableElement): string {
        const rows = [...table.rows].map((row) => [...row.cells].map((cell) => oneLine(this.blocks(cell)).replaceAll("|", "\\|")));
        const width = Math.max(...rows.map((row) => row.length), 0);
        if (!width) return "";
        const line = (cells: string[]) => `| ${Array.from({ length: width }, (_, i) => cells[i] ?? "").join(" | ")} |`;
        const [head, ...rest] = rows;
        return this.mark(`\n${[line(head!), `|${" --- |".repeat(width)}`, ...rest.map(line)].join("\n")}\n`);
    }

    private inlineAll(element: Element): string {
        return [...element.childNodes].map((node) => this.inline(node)).join("");
    }

    private inline(node: Node): string {
        if (node.nodeType === Node.TEXT_NODE) return (node.nodeValue ?? "").replace(/[ \t\r\n]+/g, " ").replace(/[*`\\]/g, "\\$&");
        if (!(node instanceof Element) || skipped.has(node.localName)) return "";
        if (node.localName === "br") return "\n";
        if (node.localName === "code") return this.mark(`\`${node.textContent}\``);
        const inside = this.inlineAll(node);
        if (node.localName === "a") return this.link(node, inside);
        return around(inside, this.marks(node));
    }

    private link(element: Element, words: string): string {
        const href = element.getAttribute("href") ?? "";
        if (!/^(https?:|mailto:)/i.test(href) || !words.trim() || /[\s()]/.test(href)) return words;
        return words.trim() === href ? href : this.mark(`[${oneLine(words)}](${href})`);
    }

    private marks(element: Element): string {
        const tag = element.localName;
        const style = element.getAttribute("style") ?? "";
        const weight = style.match(/font-weight:\s*(\w+)/)?.[1];
        const bold = weight ? weight === "bold" || Number(weight) >= 600 : ["b", "strong"].includes(tag);
        const slanted = /font-style:\s*normal/.test(style) ? false : ["i", "em"].includes(tag) || /font-style:\s*italic/.test(style);
        const struck = ["s", "del", "strike"].includes(tag) || /text-decoration[^;]*line-through/.test(style);
        const marks = `${bold ? "**" : ""}${slanted ? "*" : ""}${struck ? "~~" : ""}`;
        return marks && element.textContent?.trim() ? this.mark(marks) : "";
    }

    private mark(text: string): string {
        this.structured = true;
        return text;
    }
}

function wordList(element: Element): boolean {
    return element.localName === "p" && /mso-list:\s*l\d/i.test(element.getAttribute("style") ?? "");
}

function oneLine(text: string): string {
    return text.replace(/[ \t\r\n]+/g, " ").replace(/^ | $/g, ""); // other spaces are meant
}

/** Marks stand close to the words, spaces outside. */
function around(text: string, marks: string): string {
    if (!marks || !text.trim()) return text;
    const [, before, words, after] = text.match(/^(\s*)([\s\S]*?)(\s*)$/)!;
    const back = (marks.match(/\*\*|\*|~~/g) ?? []).toReversed().join("");
    return `${before}${marks}${words}${back}${after}`;
}
