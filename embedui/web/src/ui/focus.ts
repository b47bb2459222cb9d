import { useEffect, useRef, type RefObject } from "react";

/** Takes the focus when the page it was on is gone, so that it is never lost. */
export function useFocusHere<T extends HTMLElement>(): RefObject<T | null> {
    const ref = useRef<T>(null);
    useEffect(() => {
        if (!document.activeElement || document.activeElement === document.body) ref.current?.focus();
    }, []);
    return ref;
}

/** Takes the focus back when what the element had opened is closed. */
export function useFocusAfter<T extends HTMLElement>(open: boolean): RefObject<T | null> {
    const ref = useRef<T>(null);
    const before = useRef(open);
    useEffect(() => {
        if (before.current && !open) ref.current?.focus();
        before.current = open;
    }, [open]);
    return ref;
}
