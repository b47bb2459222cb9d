import { useEffect } from "react";

/** Ctrl (on a Mac: Command) and a letter, wherever the focus is; a dialogue that is open keeps its keys. */
export function useShortcut(letter: string, run: () => void): void {
    useEffect(() => {
        const hear = (event: KeyboardEvent): void => {
            if (!(event.ctrlKey || event.metaKey) || event.shiftKey || event.altKey || event.key.toLowerCase() !== letter) return;
            event.preventDefault();
            if (!document.querySelector("[role=dialog]")) run();
        };
        addEventListener("keydown", hear);
        return () => removeEventListener("keydown", hear);
    }, [letter, run]);
}
