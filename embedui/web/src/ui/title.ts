import { createContext, use, useEffect } from "react";

/** What waits, before every title: people see it on the tab. */
export const TitlePrefix = createContext("");

/** Gives the page its title while the component is drawn. */
export function useTitle(title: string): void {
    const prefix = use(TitlePrefix);
    useEffect(() => {
        document.title = [prefix, title, "Beffroi"].filter(Boolean).join(" · ");
    }, [prefix, title]);
}
