import { useEffect } from "react";

/** Gives the page its title while the component is drawn. */
export function useTitle(title: string): void {
    useEffect(() => {
        document.title = title ? `${title} · Beffroi` : "Beffroi";
    }, [title]);
}
