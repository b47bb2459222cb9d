// The whole story: from an empty folder to a conversation, and back from a backup.
import assert from "node:assert/strict";
import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";
import { openBrowser } from "./browser.mjs";
import { accept, converse, enterCode, keepCode, logIn, logInWrongly, logOut, makeSalon, message, openRoom, send } from "./client.mjs";
import { mouse } from "./hands.mjs";
import { allSaved } from "./keys.mjs";
import { jeanne, paul, register } from "./people.mjs";
import { beffroi, binarySize, memory, serve, setupAddress, temporary } from "./server.mjs";
import { loginScripts } from "./weight.mjs";
import { install } from "./wizard.mjs";

test("from an empty folder to a conversation, and back from a backup", { timeout: 110_000 }, async (t) => {
    const servers = [];
    const browser = await openBrowser(t, servers);
    await browser.explainFailure(async () => {
        const first = await serve(t, join(temporary(t), "data"));
        servers.push(first);
        const [j, p] = [await browser.person(jeanne, mouse), await browser.person(paul, mouse)];

        const identity = await install(j, await setupAddress(first));
        await logInWrongly(j);
        await logIn(j);
        j.code = await keepCode(j);
        await register(first.origin, paul.user, paul.password);
        await weigh(t, await browser.person(paul, mouse), first.origin);
        await p.page.goto(first.origin);
        await logIn(p);
        p.code = await keepCode(p);

        await converse(j, paul);
        await accept(p, /Jeanne/);
        await say(j, p, "Bonjour Paul, la salle des fêtes est-elle libre samedi ?");
        await say(p, j, "Oui, jusqu’à 18 h.");
        await makeSalon(j, "Conseil municipal", paul);
        await accept(p, "Conseil municipal");
        await say(p, j, "L’ordre du jour arrive.");

        for (const { page } of [j, p]) {
            await page.reload();
            await message(page, "L’ordre du jour arrive.").waitFor();
        }
        await openRoom(j, /^paul/i);
        await j.see("conversation");
        await readOld(j);
        await allSaved([j, p]);

        const dir = temporary(t);
        await beffroi("backup", "--to", dir, "--data", first.data);
        const [archive, ...others] = readdirSync(dir);
        assert.deepEqual(others, [], "one backup, one file");
        remember(t, first);
        await first.stop();
        const second = await restored(t, join(dir, archive), identity);
        servers.push(second);
        assert.notEqual(second.origin, first.origin);

        const [j2, p2] = [await back(browser, second, j), await back(browser, second, p)];
        await readOld(j2);
        await readOld(p2);
        await say(j2, p2, "Nous revoilà, sur la nouvelle machine.");
        await say(p2, j2, "Rien n’est perdu.");
        await j2.see("conversation-restored");
        await logOut(j2);
    });
});

/** One writes, the other reads. */
async function say(from, to, text) {
    await send(from, text);
    await message(to.page, text).waitFor();
}

async function readOld({ page }) {
    await message(page, "la salle des fêtes est-elle libre samedi").waitFor();
    await message(page, "jusqu’à 18 h").waitFor();
}

/** Brings a backup up in an empty folder, on another port. */
async function restored(t, archive, identity) {
    const dir = temporary(t);
    const [key, data] = [join(dir, "identity"), join(dir, "data")];
    writeFileSync(key, identity + "\n", { mode: 0o600 });
    await beffroi("restore", "--from", archive, "--identity", key, "--data", data);
    return serve(t, data);
}

/** Somebody's log-in with another browser, and the conversation of before. */
async function back(browser, server, before) {
    const person = await browser.person(before, mouse);
    await person.page.goto(server.origin);
    await logIn(person);
    await enterCode(person, before.code);
    await openRoom(person, before.user === jeanne.user ? /^paul/i : /^jeanne/i);
    return person;
}

/** What a stranger's browser loads before the log-in page works. */
async function weigh(t, { page }, origin) {
    const bytes = await loginScripts(page, origin);
    t.diagnostic(`JavaScript before the log-in page works: ${bytes} bytes gzip`);
    assert.ok(bytes > 50_000 && bytes < 100_000, `${bytes} bytes`);
    await page.close();
}

function remember(t, server) {
    const { resident, own } = memory(server);
    const size = binarySize();
    t.diagnostic(`memory after the story: ${resident} MB resident, of which ${own} MB its own; binary: ${(size / 1e6).toFixed(1)} MB`);
    assert.ok(size < 40e6, "the binary with the web client stays under 40 MB");
}
