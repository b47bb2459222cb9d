import { expect, test } from "vitest";
import { pathOf, routeOf, type Route } from "./route";

test.each<Route>([
    { page: "home" },
    { page: "room", id: "!abc:mairie.fr", details: false },
    { page: "room", id: "!a/b c%?#", details: true },
    { page: "room", id: "!abc:mairie.fr", details: false, event: "$ev/e+nt" },
    { page: "space", id: "!a/b c%?#" },
    { page: "settings", section: "" },
    { page: "settings", section: "apparence" },
])("a place is its path: %j", (route) => {
    expect(routeOf(pathOf(route))).toEqual(route);
});

test.each(["/", "/salon", "/salon/", "/autre/x", "/espace/", "/salon/%E0%A4%A"])("%s is the list", (path) => {
    expect(routeOf(path)).toEqual({ page: "home" });
});
