import { createElement, useMemo, useState, type ReactNode } from "react";
import { useT } from "../i18n";
import { targetOf, disguised } from "./address";
import { linked } from "./linked";
import { Pill } from "./Pill";
import { readHtml } from "./sanitize";
import { textOf, type RichElement, type RichNode } from "./tree";

/** A message's HTML, or `children`, its plain text, where that is too much. `before` is what stands before the first words. */
export default function RichText({ html, before, children }: { html: string; before?: string; children: ReactNode }) {
    const nodes = useMemo(() => readHtml(html), [html]);
    if (!nodes) return children;
    return (
        <div className="text rich" dir="auto">
            {before}
            {rich(nodes)}
        </div>
    );
}

/** Draws what was read. Inside of a link, addresses are no links of their own; inside of code, nothing is. */
export function rich(nodes: RichNode[], plain = false): ReactNode[] {
    return nodes.map((node, i) => {
        if (typeof node === "string") return plain ? node : <span key={i}>{linked(node)}</span>;
        return <Part key={i} node={node} plain={plain} />;
    });
}

function Part({ node, plain }: { node: RichElement; plain: boolean }) {
    const { tag, attrs, children } = node;
    switch (tag) {
        case "br":
        case "hr":
            return createElement(tag);
        case "img":
            return attrs.alt || attrs.title || null; // pictures are shown as attachments; these are drawn symbols mostly
        case "a":
            return plain ? rich(children, true) : <Link node={node} />;
        case "span":
            return "data-mx-spoiler" in attrs ? <Spoiler reason={attrs["data-mx-spoiler"]!}>{rich(children, plain)}</Spoiler> : <span>{rich(children, plain)}</span>;
        case "code":
            return <code>{rich(children, true)}</code>;
        case "pre":
            return <Code node={node} />;
        case "ol":
            return <ol start={startOf(attrs.start)}>{listed(children, plain)}</ol>;
        case "ul":
            return <ul>{listed(children, plain)}</ul>;
        case "table":
            return <div className="wide"><table>{tableParts(children, plain)}</table></div>;
        case "details":
            return <Details nodes={children} plain={plain} />;
        case "h1": case "h2": case "h3": case "h4": case "h5": case "h6":
            return createElement(headings[tag], { className: "heading" }, rich(children, plain));
        default:
            return createElement(inner.has(tag) ? "span" : tag, null, rich(children, plain));
    }
}

/** The page's own headings stay the outline's first two levels. */
const headings = { h1: "h3", h2: "h4", h3: "h5", h4: "h6", h5: "h6", h6: "h6" } as const;

/** What has no sense outside of a list or a table; there, `listed` and `tableParts` draw it. */
const inner = new Set<string>(["li", "thead", "tbody", "tr", "th", "td", "caption", "summary"]);

function listed(nodes: RichNode[], plain: boolean): ReactNode[] {
    return elements(nodes, ["li"]).map((node, i) => <li key={i}>{rich(node.children, plain)}</li>);
}

function elements(nodes: RichNode[], wanted: string[]): RichElement[] {
    return nodes.filter((node): node is RichElement => typeof node !== "string" && wanted.includes(node.tag));
}

function tableParts(nodes: RichNode[], plain: boolean): ReactNode[] {
    return elements(nodes, ["caption", "thead", "tbody", "tr"]).map((node, i) => {
        if (node.tag === "caption") return <caption key={i}>{rich(node.children, plain)}</caption>;
        if (node.tag === "tr") return <tbody key={i}><Row node={node} plain={plain} /></tbody>;
        return createElement(node.tag, { key: i }, elements(node.children, ["tr"]).map((row, j) => <Row key={j} node={row} plain={plain} />));
    });
}

function Row({ node, plain }: { node: RichElement; plain: boolean }) {
    return <tr>{elements(node.children, ["th", "td"]).map((cell, i) => createElement(cell.tag, { key: i }, rich(cell.children, plain)))}</tr>;
}

function startOf(text: string | undefined): number | undefined {
    return text && /^\d{1,6}$/.test(text) ? Number(text) : undefined;
}

function Link({ node }: { node: RichElement }) {
    const t = useT();
    const words = textOf(node.children);
    const target = targetOf(node.attrs.href ?? "", location.origin);
    if (!target) return rich(node.children, true);
    if (target.kind !== "web") return <Pill target={target} words={words} />;
    const host = disguised(words, target.href);
    return (
        <>
            <a href={target.href} target="_blank" rel="noreferrer noopener">{rich(node.children, true)}</a>
            {host && <span className="aside">{` ${t("message.leadsTo", { host })}`}</span>}
        </>
    );
}

/** Hidden from everybody, readers of screens too, until one wants to see it. */
function Spoiler({ reason, children }: { reason: string; children: ReactNode }) {
    const t = useT();
    const [open, setOpen] = useState(false);
    if (open) return <span className="spoiler">{children}</span>;
    return (
        <button type="button" className="spoiler" onClick={() => setOpen(true)}>
            {reason ? t("message.hiddenFor", { reason }) : t("message.hidden")}
        </button>
    );
}

function Details({ nodes, plain }: { nodes: RichNode[]; plain: boolean }) {
    const t = useT();
    const summary = elements(nodes, ["summary"])[0];
    return (
        <details>
            <summary>{summary ? rich(summary.children, plain) : t("message.more")}</summary>
            {rich(nodes.filter((node) => node !== summary), plain)}
        </details>
    );
}

function Code({ node }: { node: RichElement }) {
    const t = useT();
    const text = textOf(node.children).replace(/\n$/, "");
    return <pre tabIndex={0} aria-label={t("message.code")} role="group"><code>{text}</code></pre>;
}
