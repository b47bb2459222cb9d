import { useSyncExternalStore } from "react";

/** Where one is in the client. The server answers these paths with the page (embedui/handler.go, `places`). */
export type Route =
    | { page: "home" }
    | { page: "room"; id: string; details: boolean; event?: string }
    | { page: "space"; id: string }
    | { page: "settings"; section: string };

export function routeOf(path: string): Route {
    const [, section, id, rest] = path.split("/");
    if (section === "reglages") return { page: "settings", section: id ?? "" };
    const known = id ? decoded(id) : null;
    if (known && section === "salon") return { page: "room", id: known, details: rest === "details", ...eventOf(rest) };
    if (known && section === "espace") return { page: "space", id: known };
    return { page: "home" };
}

/** A message in a room. */
function eventOf(part = ""): { event?: string } {
    const event = decoded(part);
    return event?.startsWith("$") ? { event } : {};
}

/** Null: nobody who makes paths made this one. */
function decoded(part: string): string | null {
    try {
        return decodeURIComponent(part);
    } catch {
        return null;
    }
}

export function pathOf(route: Route): string {
    switch (route.page) {
        case "home":
            return "/";
        case "settings":
            return route.section ? `/reglages/${route.section}` : "/reglages";
        case "space":
            return `/espace/${encodeURIComponent(route.id)}`;
        case "room":
            return `/salon/${encodeURIComponent(route.id)}${route.details ? "/details" : route.event ? `/${encodeURIComponent(route.event)}` : ""}`;
    }
}

export function useRoute(): Route {
    return routeOf(useSyncExternalStore(subscribe, () => location.pathname));
}

const moved = "beffroi:moved";

/** Goes to a place. `arrive`: the focus goes there too, to where one writes; else it stays, as after a press in the list. */
export function go(route: Route, arrive = false): void {
    history.pushState({ arrive }, "", pathOf(route));
    dispatchEvent(new Event(moved));
}

/** Calls back each time one goes somewhere, also to where one is. */
export function onMoved(changed: (route: Route) => void): () => void {
    const told = (): void => changed(routeOf(location.pathname));
    addEventListener(moved, told);
    return () => removeEventListener(moved, told);
}

function subscribe(changed: () => void): () => void {
    addEventListener("popstate", changed);
    addEventListener(moved, changed);
    return () => {
        removeEventListener("popstate", changed);
        removeEventListener(moved, changed);
    };
}

/** Whether the place was gone to with the focus. */
export function arrived(): boolean {
    return Boolean((history.state as { arrive?: boolean } | null)?.arrive);
}
