import { find } from "linkifyjs";
import type { ReactNode } from "react";

/** The text with its addresses as links. Only these schemes, each opened without telling where it was written. */
export function linked(text: string): ReactNode[] {
    const parts: ReactNode[] = [];
    let end = 0;
    for (const link of find(text)) {
        if (!/^(https?|mailto):/.test(link.href)) continue;
        parts.push(text.slice(end, link.start));
        parts.push(
            <a key={link.start} href={secure(link.href, link.value)} target="_blank" rel="noreferrer noopener">
                {link.value}
            </a>,
        );
        end = link.end;
    }
    return [...parts, text.slice(end)];
}

/** Who writes "mairie.fr" means the secure page. */
function secure(href: string, written: string): string {
    return written.startsWith("http:") ? href : href.replace(/^http:/, "https:");
}
