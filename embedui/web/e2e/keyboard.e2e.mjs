// By keyboard alone: from the wizard to a message, with the focus seen all the way.
import { join } from "node:path";
import test from "node:test";
import { openBrowser } from "./browser.mjs";
import { accept, converse, enterCode, keepCode, logIn, logOut, makeSalon, message, send } from "./client.mjs";
import { keyboard } from "./hands.mjs";
import { register } from "./people.mjs";
import { serve, setupAddress, temporary } from "./server.mjs";
import { install } from "./wizard.mjs";

const claire = { name: "Claire Petit", user: "claire.petit", password: "le chat dort sous la table bleue" };
const marc = { name: "Marc Leroy", user: "marc.leroy", password: "Belle-Matinee-2026!" };

test("by keyboard alone", { timeout: 110_000 }, async (t) => {
    const servers = [];
    const browser = await openBrowser(t, servers);
    await browser.explainFailure(async () => {
        const server = await serve(t, join(temporary(t), "data"));
        servers.push(server);
        const unseen = async () => {}; // the story's test looks at every state
        const [c, m] = [await browser.person(claire, keyboard, unseen), await browser.person(marc, keyboard, unseen)];

        await install(c, await setupAddress(server));
        await logIn(c);
        const code = await keepCode(c);
        await register(server.origin, marc.user, marc.password);
        await m.page.goto(server.origin);
        await logIn(m);
        await keepCode(m);

        await converse(c, marc);
        await accept(m);
        await send(c, "Sans souris.");
        await message(m.page, "Sans souris.").waitFor();
        await send(m, "Moi non plus.");
        await message(c.page, "Moi non plus.").waitFor();
        await makeSalon(c, "Voirie", marc);
        await logOut(c);
        await logIn(c);
        await enterCode(c, code);
    });
});
