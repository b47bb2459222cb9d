/** The tags that a message's HTML may have. Spec: client-server API, "m.room.message msgtypes". */
export const tags = [
    "del", "h1", "h2", "h3", "h4", "h5", "h6", "blockquote", "p", "a", "ul", "ol", "sup", "sub", "li", "b", "i", "u", "strong", "em", "s", "code", "hr",
    "br", "div", "table", "thead", "tbody", "tr", "th", "td", "caption", "pre", "span", "img", "details", "summary",
] as const;
export type Tag = (typeof tags)[number];

/** Of the attributes, what is of use: colours are not, since nobody can promise that they are legible here. */
export const attributes = ["href", "start", "class", "alt", "title", "data-mx-spoiler"];

/** A message's HTML as data: nothing of the text that was parsed reaches the page but through this. */
export type RichNode = string | RichElement;
export interface RichElement {
    tag: Tag;
    /** Only those of `attributes` that the element has. */
    attrs: Record<string, string>;
    children: RichNode[];
}

/** All of its text, without the markup. */
export function textOf(nodes: RichNode[]): string {
    return nodes.map((node) => (typeof node === "string" ? node : textOf(node.children))).join("");
}

/** Characters that turn the direction of what follows them, and so can make an address read as another one. */
export function straight(text: string): string {
    return text.replace(/[\u202a-\u202e\u2066-\u2069]/g, "");
}
