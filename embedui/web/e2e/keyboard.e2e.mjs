// What the story does, by keyboard alone: the focus is always seen and never lost.
import { join } from "node:path";
import test from "node:test";
import { openBrowser } from "./browser.mjs";
import { accept, converse, enterCode, keepCode, logIn, logInWrongly, logOut, makeSalon, message, openRoom, send } from "./client.mjs";
import { keyboard } from "./hands.mjs";
import { jeanne, paul, register } from "./people.mjs";
import { serve, setupAddress, temporary } from "./server.mjs";
import { install } from "./wizard.mjs";

test("by keyboard alone, from the token to a conversation, a salon and out", { timeout: 110_000 }, async (t) => {
    const servers = [];
    const browser = await openBrowser(t, servers);
    await browser.explainFailure(async () => {
        const server = await serve(t, join(temporary(t), "data"));
        servers.push(server);
        const [j, p] = [await browser.person(jeanne, keyboard), await browser.person(paul, keyboard)];
        await install(j, await setupAddress(server));
        await logInWrongly(j);
        await logIn(j);
        const code = await keepCode(j);
        await register(server.origin, paul.user, paul.password);
        await p.page.goto(server.origin);
        await logIn(p);
        await keepCode(p);

        await converse(j, paul);
        await accept(p, /Jeanne/);
        await send(j, "Bonjour Paul");
        await message(p.page, "Bonjour Paul").waitFor();
        await makeSalon(j, "Conseil municipal", paul);
        await accept(p, "Conseil municipal");
        await send(p, "L’ordre du jour arrive.");
        await message(j.page, "L’ordre du jour arrive.").waitFor();
        await openRoom(j, /^paul/i);
        await logOut(j);
        await logIn(j);
        await enterCode(j, code);
        await openRoom(j, /^paul/i);
        await message(j.page, "Bonjour Paul").waitFor();
    });
});
