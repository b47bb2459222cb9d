// The left column: 500 rooms without a stutter, by mouse and by keyboard; services; invitations that can't be overlooked.
import assert from "node:assert/strict";
import test from "node:test";
import { look } from "../look.mjs";
import { foundTown } from "../town.mjs";

const list = (page) => page.getByRole("navigation", { name: "Conversations et salons" });
const room = (page, name) => list(page).getByRole("link", { name });

test("500 rooms: only what is seen is drawn, one stop of Tab, and nothing holds the page up", { timeout: 170_000 }, async (t) => {
    const town = await foundTown(t);
    await town.explainFailure(async () => {
        const [jeanne, paul] = [await town.agent("Jeanne Martin"), await town.agent("Paul Durand")];
        const ids = [];
        for (let i = 0; i < 500; i++) ids.push(await jeanne.room(`Salon ${String(i).padStart(3, "0")}`, { preset: "public_chat" }));
        await paul.join(ids[0]);
        const j = await town.enter(jeanne, { later: true });
        await room(j.page, /Salon 499/).waitFor();

        const drawn = await list(j.page).getByRole("link").count();
        assert.ok(drawn < 60, `${drawn} of 500 rooms are drawn`);

        await j.page.evaluate(watchTasks);
        await j.page.locator(".rooms").evaluate(async (box) => {
            for (let y = 0; y < box.scrollHeight; y += 400) {
                box.scrollTop = y;
                await new Promise(requestAnimationFrame);
            }
            box.scrollTop = 0;
        });
        await paul.send(ids[0], "Une nouvelle du salon 000");
        await room(j.page, /Salon 000.*Une nouvelle du salon 000.*1 message non lu/).waitFor();
        const tasks = await j.page.evaluate(() => window.tasks);
        t.diagnostic(`tasks over 50 ms while 500 rooms were scrolled and a message came: ${JSON.stringify(tasks)}`);
        assert.ok(tasks.every((milliseconds) => milliseconds < 200), "the page was held up");
        assert.match(await j.page.title(), /^\(1\) /);

        await room(j.page, /Salon 000/).focus();
        for (const [key, name] of [["ArrowDown", "Salon 499"], ["End", "Salon 001"], ["ArrowUp", "Salon 002"], ["Home", "Salon 000"], ["PageDown", "Salon 492"]]) {
            await j.page.keyboard.press(key);
            await j.page.waitForFunction((wanted) => document.activeElement.querySelector(".name")?.textContent === wanted, name);
        }
        await j.page.keyboard.type("salon 25");
        await j.page.waitForFunction(() => document.activeElement.querySelector(".name")?.textContent === "Salon 259");
        const box = await j.page.evaluate(() => document.activeElement.getBoundingClientRect().toJSON());
        assert.ok(box.top >= 0 && box.bottom <= 800, "what has the focus is seen");
        await j.page.keyboard.press("Enter");
        await j.page.getByRole("heading", { level: 1, name: "Salon 259" }).waitFor();
        await j.page.keyboard.press("Shift+Tab");
        assert.equal(await list(j.page).getByRole("link").and(j.page.locator("[tabindex='0']")).count(), 1, "one stop of Tab");
    });
});

function watchTasks() {
    window.tasks = [];
    new PerformanceObserver((entries) => entries.getEntries().forEach((entry) => window.tasks.push(Math.round(entry.duration)))).observe({ type: "longtask" });
}

test("services, favourites, silence, invitations that stay in sight", { timeout: 110_000 }, async (t) => {
    const town = await foundTown(t);
    await town.explainFailure(async () => {
        const [jeanne, paul] = [await town.agent("Jeanne Martin"), await town.agent("Paul Durand")];
        const space = await paul.room("Écoles", { preset: "public_chat", creation_content: { type: "m.space" }, topic: "Les trois écoles de la commune" });
        const inSpace = async (name, options) => {
            const id = await paul.room(name, options);
            await paul.state(space, "m.space.child", { via: ["localhost"] }, id);
            return id;
        };
        const canteen = await inSpace("Cantine", { preset: "public_chat" });
        await inSpace("Garderie", { preset: "public_chat", topic: "Le matin et le soir" });
        await inSpace("Conseil d’école", { initial_state: [{ type: "m.room.join_rules", state_key: "", content: { join_rule: "knock" } }] });
        const other = await paul.room("Voirie", { preset: "public_chat" });
        const quiet = await paul.room("Bruits de couloir", { preset: "public_chat" });
        for (const id of [space, canteen, other, quiet]) await jeanne.join(id);
        for (let i = 0; i < 25; i++) await jeanne.room(`Dossier ${i}`);
        await jeanne.request("PUT", `user/${encodeURIComponent(jeanne.id)}/rooms/${encodeURIComponent(other)}/tags/m.favourite`, { order: 0.5 });
        await jeanne.request("PUT", `pushrules/global/override/${encodeURIComponent(quiet)}`, {
            conditions: [{ kind: "event_match", key: "room_id", pattern: quiet }], actions: [],
        });
        const j = await town.enter(jeanne);
        const { page } = j;

        await paul.send(canteen, "Menu de la semaine");
        await paul.send(other, { msgtype: "m.text", body: "Jeanne, la rue est barrée", "m.mentions": { user_ids: [jeanne.id] } });
        await paul.send(quiet, "Saviez-vous que…");
        await room(page, /Voirie.*1 message vous mentionne/).waitFor();
        await room(page, /Cantine.*1 message non lu/).waitFor();
        await room(page, /Bruits de couloir.*Silencieux/).waitFor();
        assert.deepEqual(await list(page).getByRole("heading", { level: 2 }).allTextContents(), ["Favoris", "Salons"]);

        await page.locator(".rooms").evaluate((box) => (box.scrollTop = 500));
        await paul.room("Budget", { invite: [jeanne.id] });
        await page.getByRole("region", { name: "Invitations" }).getByText("vous invite dans le salon « Budget »").waitFor();
        await page.waitForFunction(() => document.title.includes("1 invitation"));
        assert.ok(await page.getByRole("button", { name: "Rejoindre" }).evaluate((button) => button.getBoundingClientRect().bottom < innerHeight), "in sight though the list is scrolled");
        await look(page, "list");

        await page.getByRole("radio", { name: /^Écoles/ }).click();
        await room(page, /Voirie/).waitFor({ state: "detached" });
        await room(page, /Cantine/).waitFor();
        await page.getByRole("link", { name: "Voir l’espace « Écoles »" }).click();
        await page.getByRole("heading", { level: 1, name: "Écoles" }).waitFor();
        await page.getByRole("button", { name: "Rejoindre Garderie" }).waitFor();
        await look(page, "space");
        await page.getByRole("button", { name: "Demander à rejoindre Conseil d’école" }).click();
        await page.getByText("Demande envoyée").waitFor();
        await page.getByRole("button", { name: "Rejoindre Garderie" }).click();
        await page.getByRole("heading", { level: 1, name: "Garderie" }).waitFor();
        await room(page, /Garderie/).waitFor();
        await page.getByRole("button", { name: "Rejoindre", exact: true }).click();
        await page.getByRole("heading", { level: 1, name: "Budget" }).waitFor();
        await page.waitForFunction(() => !document.title.includes("invitation"));
    });
});
