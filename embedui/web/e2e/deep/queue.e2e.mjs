// Nothing that is written is lost or sent twice: the line is lost, the page reloaded, an answer lost, the server says no.
import assert from "node:assert/strict";
import test from "node:test";
import { message, messageBox, openRoom } from "../client.mjs";
import { look } from "../look.mjs";
import { foundTown } from "../town.mjs";

const sending = (url) => /\/rooms\/[^/]+\/send\//.test(url.pathname);

async function write(page, text) {
    await messageBox(page).fill(text);
    await page.keyboard.press("Enter");
    await message(page, text).waitFor();
}

/** The bodies that the server has, in their order. */
async function bodies(agent, room) {
    const { chunk } = await agent.request("GET", `rooms/${encodeURIComponent(room)}/messages?dir=f&limit=100`);
    return chunk.filter(({ type }) => type === "m.room.message").map(({ content }) => content.body);
}

const allSent = (page) => page.getByText(/^(En attente|Envoi en cours)/).first().waitFor({ state: "detached" });

async function inRoom(t, body) {
    const town = await foundTown(t);
    await town.explainFailure(async () => {
        const jeanne = await town.agent("Jeanne Martin");
        const room = await jeanne.room("Conseil municipal");
        const j = await town.enter(jeanne);
        j.page.on("dialog", (dialog) => dialog.accept()); // "leave the page?"
        await openRoom(j, "Conseil municipal");
        await body({ town, jeanne, room, j, page: j.page });
    });
}

test("a lost line and a reload", { timeout: 90_000 }, (t) =>
    inRoom(t, async ({ jeanne, room, page }) => {
        await page.route(sending, (route) => route.abort("connectionfailed"));
        for (const text of ["un", "deux", "trois"]) await write(page, text);
        await message(page, "un").getByText(/^En attente/).waitFor();
        await message(page, "trois").getByText(/^En attente/).waitFor();
        await look(page, "message-waiting");
        await page.reload();
        await message(page, "trois").getByText(/^En attente/).waitFor();
        await write(page, "quatre");
        await message(page, "deux").getByRole("button", { name: "Abandonner" }).click();
        await message(page, "deux").waitFor({ state: "detached" });
        assert.deepEqual(await bodies(jeanne, room), []);
        await page.unroute(sending);
        await allSent(page);
        assert.deepEqual(await bodies(jeanne, room), ["un", "trois", "quatre"]);
        await page.reload();
        await message(page, "quatre").waitFor();
        assert.equal(await page.evaluate(() => localStorage.getItem("beffroi.outbox")), null);
        assert.deepEqual(await bodies(jeanne, room), ["un", "trois", "quatre"]);
    }));

test("the server has it, but its answer is lost, and the page reloaded", { timeout: 90_000 }, (t) =>
    inRoom(t, async ({ jeanne, room, page }) => {
        await page.route((url) => url.pathname.endsWith("/sync"), (route) => route.abort("connectionfailed"));
        await page.route(sending, async (route) => {
            await route.fetch();
            await route.abort("connectionfailed");
        });
        await write(page, "une seule fois");
        await message(page, "une seule fois").getByText(/^En attente/).waitFor();
        await page.unroute(sending);
        await page.reload();
        await page.unrouteAll();
        await allSent(page);
        await message(page, "une seule fois").waitFor();
        assert.equal(await message(page, "une seule fois").count(), 1);
        assert.deepEqual(await bodies(jeanne, room), ["une seule fois"]);
    }));

test("the server says no: it says why, what is behind waits", { timeout: 90_000 }, (t) =>
    inRoom(t, async ({ jeanne, room, page }) => {
        await page.route(sending, (route) => route.fulfill({ status: 403, json: { errcode: "M_FORBIDDEN", error: "no" } }));
        await write(page, "refusé");
        await message(page, "refusé").getByRole("alert").getByText(/^Message non envoyé\. Vous n’en avez pas le droit/).waitFor();
        await write(page, "derrière");
        await message(page, "derrière").getByText(/^En attente/).waitFor();
        await look(page, "message-refused");
        await page.unroute(sending);
        await message(page, "refusé").getByRole("button", { name: "Réessayer" }).click();
        await allSent(page);
        assert.deepEqual(await bodies(jeanne, room), ["refusé", "derrière"]);
    }));

test("drafts stay with their room over a reload, and go with the connection", { timeout: 90_000 }, (t) =>
    inRoom(t, async ({ jeanne, j, page }) => {
        await jeanne.room("Voirie");
        await messageBox(page).fill("à finir plus tard");
        await openRoom(j, "Voirie");
        assert.equal(await messageBox(page).inputValue(), "");
        await page.reload();
        await openRoom(j, "Conseil municipal");
        assert.equal(await messageBox(page).inputValue(), "à finir plus tard");
        await page.getByRole("button", { name: "Compte", exact: true }).click();
        await page.getByRole("button", { name: "Se déconnecter", exact: true }).click();
        await page.getByRole("dialog", { name: "Se déconnecter" }).getByRole("button", { name: "Se déconnecter", exact: true }).click();
        await page.getByRole("heading", { name: "Se connecter" }).waitFor();
        assert.deepEqual(await page.evaluate(() => Object.keys(localStorage).filter((key) => key.startsWith("beffroi.draft"))), []);
    }));

test("in an encrypted room, without any line, keys included", { timeout: 90_000 }, async (t) => {
    const town = await foundTown(t);
    await town.explainFailure(async () => {
        const [jeanne, paul] = [await town.agent("Jeanne Martin"), await town.agent("Paul Durand")];
        const encryption = { type: "m.room.encryption", state_key: "", content: { algorithm: "m.megolm.v1.aes-sha2" } };
        const room = await jeanne.room("Secret", { preset: "public_chat", initial_state: [encryption] });
        await paul.join(room);
        const [j, p] = [await town.enter(jeanne), await town.enter(paul)];
        await openRoom(j, "Secret");
        await openRoom(p, "Secret");
        await j.page.context().setOffline(true);
        for (const text of ["un", "deux"]) await write(j.page, text);
        await message(j.page, "deux").getByText(/^En attente/).waitFor();
        await j.page.context().setOffline(false);
        await allSent(j.page);
        await message(p.page, "deux").waitFor();
        assert.deepEqual(await p.page.getByRole("article").locator("p.text").allTextContents(), ["un", "deux"]);
    });
});
