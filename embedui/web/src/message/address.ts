/** Where a link in a message leads: a person or a salon here, or a page elsewhere. */
export type Target =
    | { kind: "person"; userId: string }
    | { kind: "salon"; room: string; event?: string; via: string[] }
    | { kind: "web"; href: string };

const longest = 4096; // characters of an address that is still one

/** Reads an address; null: it is none that may be followed. `origin` is where the client itself is served from. */
export function targetOf(href: string, origin: string): Target | null {
    if (href.length > longest) return null;
    const url = URL.canParse(href) ? new URL(href) : null; // relative addresses are none
    if (!url) return null;
    if (url.protocol === "matrix:") return fromMatrixUri(url);
    if (url.protocol === "https:" && url.hostname === "matrix.to") return fromMatrixTo(url);
    if (url.origin === origin && url.pathname.startsWith("/salon/")) return fromPath(url);
    return ["http:", "https:", "mailto:"].includes(url.protocol) ? { kind: "web", href: url.href } : null;
}

/** Spec: appendices, "matrix.to navigation". */
function fromMatrixTo(url: URL): Target {
    const [path = "", query = ""] = url.hash.replace(/^#\/?/, "").split("?");
    const [id, event] = path.split("/").map(decoded);
    return named(id ?? "", event, new URLSearchParams(query).getAll("via")) ?? { kind: "web", href: url.href };
}

const sigils: Record<string, string> = { u: "@", user: "@", r: "#", room: "#", roomid: "!" };

/** Spec: appendices, "Matrix URI scheme". */
function fromMatrixUri(url: URL): Target | null {
    const [kind = "", id = "", , event] = url.pathname.replace(/^\/*/, "").split("/").map(decoded);
    const sigil = sigils[kind];
    return sigil ? named(sigil + id, event && `$${event}`, url.searchParams.getAll("via")) : null;
}

function fromPath(url: URL): Target | null {
    const [, , id = "", event] = url.pathname.split("/").map(decoded);
    return named(id, event, []);
}

function named(id: string, event: string | undefined, via: string[]): Target | null {
    const servers = via.slice(0, 5);
    if (/^@[^:]+:.+$/.test(id)) return { kind: "person", userId: id };
    if (/^[!#].+$/.test(id)) return { kind: "salon", room: id, ...(event?.startsWith("$") && { event }), via: servers };
    return null;
}

function decoded(text: string): string {
    try {
        return decodeURIComponent(text);
    } catch {
        return text;
    }
}

const files = /\.(pdf|docx?|od[tsp]|xlsx?|pptx?|csv|txt|jpe?g|png|zip)$/i; // names, not addresses

/** What a reader is told beside a link whose words look like another address than the one it has; null: they don't. */
export function disguised(words: string, href: string): string | null {
    const shown = words.trim().match(/^(?:https?:\/\/)?([\p{L}\p{N}-]+(?:\.[\p{L}\p{N}-]+)+)(?:[/:?#]|$)/iu)?.[1];
    if (!shown || files.test(shown) || !URL.canParse(href)) return null;
    const url = new URL(href);
    if (!url.hostname || !URL.canParse(`https://${shown}`)) return null;
    const bare = (host: string) => host.replace(/^www\./, "");
    return bare(new URL(`https://${shown}`).hostname) === bare(url.hostname) ? null : url.hostname;
}

/** An address for a salon or a message that any Matrix client opens. Spec: appendices, "matrix.to navigation". */
export function matrixTo(id: string, event?: string, via: string[] = []): string {
    const query = via.length ? `?${via.map((server) => `via=${encodeURIComponent(server)}`).join("&")}` : "";
    return `https://matrix.to/#/${encodeURIComponent(id)}${event ? `/${encodeURIComponent(event)}` : ""}${query}`;
}
