import { Lexer, Tokenizer, type Token, type Tokens } from "marked";
import { matrixTo } from "./address";
import { everyone, pieces, type Mention } from "./mentions";

/** Markdown as people mean it: what turns text into something else by chance is no markup here. */
class Writing extends Tokenizer {
    override code(): undefined {} // four spaces
    override html(): undefined {}
    override tag(): undefined {}
    override def(): undefined {}
    override reflink(): undefined {}
    override lheading(): undefined {} // a line under a line
    override list(src: string) {
        return /^ {0,3}\+/.test(src) ? undefined : super.list(src); // "+ 3 personnes"
    }
    override del(src: string, ...rest: unknown[]) {
        return src.startsWith("~~") ? (super.del as (...args: unknown[]) => Tokens.Del | undefined).call(this, src, ...rest) : undefined;
    }
    override emStrong(src: string, masked: string, before?: string) {
        return before && /[\p{L}\p{N}]/u.test(before) ? undefined : super.emStrong(src, masked, before); // 2*3*4
    }
}

const marks = /[\ue000\ue001]/g;

/**
 * The HTML of what was written, or null where it says nothing that the text alone does not. Only the specification's tags are made, and
 * what was typed is never taken for HTML.
 */
export function toHtml(text: string, mentions: Mention[]): string | null {
    const named: Mention[] = [];
    const marked = pieces(text.replace(marks, ""), mentions).map((piece) => (typeof piece === "string" ? piece : `\ue000${named.push(piece) - 1}\ue001`));
    const tokens = new Lexer({ tokenizer: new Writing(), gfm: true, breaks: true }).lex(marked.join(""));
    if (!named.length && plain(tokens)) return null;
    const writer = new Writer(named);
    const blocks = tokens.filter(({ type }) => type !== "space");
    const only = blocks.length === 1 && blocks[0]!.type === "paragraph" ? (blocks[0] as Tokens.Paragraph) : null;
    return only ? writer.inline(only.tokens) : writer.blocks(tokens);
}

const plainTypes = new Set(["space", "paragraph", "text", "br"]);

function plain(tokens: Token[]): boolean {
    return tokens.every((token) => {
        if (token.type === "link") return token.raw === token.text; // an address as it was typed
        return plainTypes.has(token.type) && (!("tokens" in token) || plain(token.tokens ?? []));
    });
}

class Writer {
    constructor(private readonly named: Mention[]) {}

    blocks(tokens: Token[]): string {
        return tokens.map((token) => this.block(token)).join("");
    }

    inline(tokens: Token[]): string {
        return tokens.map((token) => this.span(token)).join("");
    }

    private block(token: Token): string {
        switch (token.type) {
            case "space":
                return "";
            case "paragraph":
                return `<p>${this.inline(token.tokens ?? [])}</p>`;
            case "heading":
                return `<h${token.depth}>${this.inline(token.tokens ?? [])}</h${token.depth}>`;
            case "blockquote":
                return `<blockquote>${this.blocks(token.tokens ?? [])}</blockquote>`;
            case "code":
                return `<pre><code${language(token.lang)}>${this.code(token.text)}\n</code></pre>`;
            case "hr":
                return "<hr>";
            case "list":
                return this.list(token as Tokens.List);
            case "table":
                return this.table(token as Tokens.Table);
            default:
                return this.span(token);
        }
    }

    private list({ ordered, start, items }: Tokens.List): string {
        const open = ordered ? (start === 1 || start === "" ? "<ol>" : `<ol start="${Number(start)}">`) : "<ul>";
        return open + items.map((item) => `<li>${this.item(item)}</li>`).join("") + (ordered ? "</ol>" : "</ul>");
    }

    private item({ task, checked, tokens }: Tokens.ListItem): string {
        const box = task ? (checked ? "☑ " : "☐ ") : "";
        return box + tokens.filter(({ type }) => type !== "checkbox").map((token) => this.block(token)).join("");
    }

    private table({ header, rows }: Tokens.Table): string {
        const row = (cells: Tokens.TableCell[], tag: string) => `<tr>${cells.map((cell) => `<${tag}>${this.inline(cell.tokens)}</${tag}>`).join("")}</tr>`;
        return `<table><thead>${row(header, "th")}</thead><tbody>${rows.map((cells) => row(cells, "td")).join("")}</tbody></table>`;
    }

    private span(token: Token): string {
        switch (token.type) {
            case "strong":
            case "em":
            case "del":
                return `<${token.type}>${this.inline(token.tokens ?? [])}</${token.type}>`;
            case "codespan":
                return `<code>${this.code(token.text)}</code>`;
            case "br":
                return "<br>";
            case "link":
                return this.link(token as Tokens.Link);
            case "text":
                return token.tokens ? this.inline(token.tokens) : this.text(token.text);
            case "escape":
                return this.text(token.text);
            default:
                return this.text(token.raw);
        }
    }

    private link({ href, tokens }: Tokens.Link): string {
        const words = this.inline(tokens);
        return /^(https?|mailto):/i.test(href) ? `<a href="${escaped(href)}">${words}</a>` : words;
    }

    /** marked escapes nothing that is left here: its text tokens are raw. */
    private text(text: string): string {
        return escaped(text).replace(/\ue000(\d+)\ue001/g, (_mark, index: string) => pill(this.named[Number(index)]!));
    }

    private code(text: string): string {
        return escaped(text.replace(/\ue000(\d+)\ue001/g, (_mark, index: string) => this.named[Number(index)]!.text));
    }
}

function pill({ text, id }: Mention): string {
    return id === everyone ? escaped(text) : `<a href="${matrixTo(id)}">${escaped(text.replace(/^@/, ""))}</a>`;
}

function language(lang: string | undefined): string {
    const name = lang?.match(/^[\w+#.-]{1,30}/)?.[0];
    return name ? ` class="language-${escaped(name)}"` : "";
}

const entities: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };

function escaped(text: string): string {
    return text.replace(/[&<>"']/g, (char) => entities[char]!);
}
