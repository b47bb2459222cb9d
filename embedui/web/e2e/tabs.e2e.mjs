// One tab holds the client; a second one offers to take it over, and the first says that it gave it up.
import { join } from "node:path";
import test from "node:test";
import { openBrowser } from "./browser.mjs";
import { keepCode, logIn } from "./client.mjs";
import { mouse } from "./hands.mjs";
import { look } from "./look.mjs";
import { jeanne } from "./people.mjs";
import { serve, setupAddress, temporary } from "./server.mjs";
import { install } from "./wizard.mjs";

test("one tab at a time holds the client", { timeout: 110_000 }, async (t) => {
    const servers = [];
    const browser = await openBrowser(t, servers);
    await browser.explainFailure(async () => {
        const server = await serve(t, join(temporary(t), "data"));
        servers.push(server);
        const unseen = async () => {}; // the story's test looks at these states
        const j = await browser.person(jeanne, mouse, unseen);
        await install(j, await setupAddress(server));
        await logIn(j);
        await keepCode(j);

        const second = await j.page.context().newPage();
        await second.goto(server.origin);
        const take = (page) => page.getByRole("button", { name: "Utiliser ici", exact: true });
        await take(second).waitFor();
        await look(second, "second-tab");
        await take(second).click();
        await second.getByRole("button", { name: "Nouvelle conversation", exact: true }).waitFor();
        await take(j.page).waitFor(); // the first tab can have it back
        await take(j.page).click();
        await j.page.getByRole("button", { name: "Nouvelle conversation", exact: true }).waitFor();
        await take(second).waitFor();
    });
});
