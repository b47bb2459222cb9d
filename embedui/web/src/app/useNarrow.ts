import { useSyncExternalStore } from "react";

const narrow = matchMedia("(max-width: 45em)");

/** List and room don't fit side by side: they are pages. The same width as in app.css. */
export function useNarrow(): boolean {
    return useSyncExternalStore(
        (changed) => {
            narrow.addEventListener("change", changed);
            return () => narrow.removeEventListener("change", changed);
        },
        () => narrow.matches,
    );
}
