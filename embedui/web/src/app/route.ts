import { useSyncExternalStore } from "react";

/** Where one is in the client. The server answers these paths with the page (handler.go, `navigation`). */
export type Route = { page: "home" } | { page: "room"; id: string; details: boolean; event?: string };

export function routeOf(path: string): Route {
    const [, section, id, rest] = path.split("/");
    if (section !== "salon" || !id) return { page: "home" };
    const event = rest?.startsWith("%24") || rest?.startsWith("$") ? { event: decodeURIComponent(rest) } : {};
    return { page: "room", id: decodeURIComponent(id), details: rest === "details", ...event };
}

export function pathOf(route: Route): string {
    if (route.page === "home") return "/";
    return `/salon/${encodeURIComponent(route.id)}${route.details ? "/details" : route.event ? `/${encodeURIComponent(route.event)}` : ""}`;
}

export function useRoute(): Route {
    return routeOf(useSyncExternalStore(subscribe, () => location.pathname));
}

const moved = "beffroi:moved";

export function go(route: Route): void {
    history.pushState(null, "", pathOf(route));
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
