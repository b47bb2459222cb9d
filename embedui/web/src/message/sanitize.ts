import DOMPurify from "dompurify";
import { attributes, straight, tags, type RichNode, type Tag } from "./tree";

const deepest = 100; // tags in one another; spec: "m.room.message msgtypes"
const longest = 100_000; // characters; an event has at most 65,536 bytes
const most = 5_000; // elements

/**
 * Reads a message's HTML: what the specification permits, the text of the rest, and nothing of the message that older clients
 * repeat (mx-reply). Null: it is too much to be shown, so its plain text is.
 */
export function readHtml(html: string): RichNode[] | null {
    if (html.length > longest) return null;
    const fragment = DOMPurify.sanitize(html, {
        ALLOWED_TAGS: [...tags],
        ALLOWED_ATTR: attributes,
        ALLOW_DATA_ATTR: false,
        ALLOW_ARIA_ATTR: false,
        ALLOWED_URI_REGEXP: /^(?:https?|mailto|matrix):/i,
        ADD_URI_SAFE_ATTR: attributes.filter((name) => name !== "href"),
        ADD_FORBID_CONTENTS: ["mx-reply", "form", "select", "textarea", "object", "embed", "canvas"],
        RETURN_DOM_FRAGMENT: true,
    });
    const budget = { left: most };
    const nodes = [...fragment.childNodes].flatMap((node) => read(node, 1, budget));
    return budget.left < 0 ? null : trimmed(nodes);
}

function read(node: Node, depth: number, budget: { left: number }): RichNode[] {
    if (node.nodeType === Node.TEXT_NODE) return [straight(node.nodeValue ?? "")];
    if (!(node instanceof Element) || --budget.left < 0) return [];
    if (depth > deepest) return [straight(node.textContent ?? "")];
    const children = [...node.childNodes].flatMap((child) => read(child, depth + 1, budget));
    const tag = node.localName as Tag;
    if (!tags.includes(tag)) return children;
    const attrs = Object.fromEntries(attributes.filter((name) => node.hasAttribute(name)).map((name) => [name, straight(node.getAttribute(name)!)]));
    return [{ tag, attrs, children }];
}

/** Without line breaks at the ends, which some clients leave. */
function trimmed(nodes: RichNode[]): RichNode[] {
    const empty = (node: RichNode): boolean => (typeof node === "string" ? !node.trim() : node.tag === "br");
    const from = nodes.findIndex((node) => !empty(node));
    return from < 0 ? [] : nodes.slice(from, nodes.findLastIndex((node) => !empty(node)) + 1);
}
