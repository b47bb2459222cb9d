import { useCallback, useEffect, useLayoutEffect, type ClipboardEvent, type RefObject } from "react";

const tallest = 200; // pixels

/** Makes a text area as high as its text. */
export function useGrowing(box: RefObject<HTMLTextAreaElement | null>, text: string): void {
    useLayoutEffect(() => fit(box.current!), [box, text]);
    useEffect(() => {
        let width = 0;
        const observer = new ResizeObserver(([entry]) => {
            if (entry!.contentRect.width !== width) fit(box.current!);
            width = entry!.contentRect.width;
        });
        observer.observe(box.current!);
        return () => observer.disconnect();
    }, [box]);
}

function fit(box: HTMLTextAreaElement): void {
    box.style.height = "auto";
    box.style.height = `${Math.min(box.scrollHeight + 2, tallest)}px`;
}

/** Puts text in place of what is between two places, as if it were typed: it can be undone. */
export function insert(box: HTMLTextAreaElement, from: number, to: number, text: string): void {
    box.focus();
    box.setSelectionRange(from, to);
    if (document.execCommand("insertText", false, text)) return;
    box.setRangeText(text, from, to, "end");
    box.dispatchEvent(new Event("input", { bubbles: true }));
}

/** Signs of structure in what word processors, tables and pages put into the clipboard. */
const structured = /<(table|ul|ol|li|b|strong|i|em|h[1-6]|a|s|del|strike|pre|blockquote)[\s>]|mso-list|font-weight|text-decoration/i;

/** Pastes lists, tables and emphasis as they would be typed; everything else as the browser does. */
export function usePaste(): (event: ClipboardEvent<HTMLTextAreaElement>) => void {
    return useCallback((event) => {
        const html = event.clipboardData.getData("text/html");
        if (!structured.test(html)) return;
        event.preventDefault();
        const text = event.clipboardData.getData("text/plain");
        const box = event.currentTarget;
        const [from, to] = [box.selectionStart, box.selectionEnd];
        void import("../message/pasted")
            .then(({ markdownOf }) => markdownOf(html) ?? text, () => text)
            .then((written) => insert(box, from, to, written.replaceAll("\r\n", "\n")));
    }, []);
}
