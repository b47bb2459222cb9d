// The list of messages: where it opens, what stays in its place, how one gets elsewhere, by mouse and by keyboard.
import assert from "node:assert/strict";
import test from "node:test";
import { message, openRoom } from "../client.mjs";
import { look } from "../look.mjs";
import { foundTown } from "../town.mjs";

const lines = (page) => page.locator(".timeline .line");
const scroller = (page) => page.getByRole("region", { name: "Messages" });

/** Where a message's top is on the page. */
const top = async (locator) => (await locator.boundingBox()).y;

/** Up to where somebody has read, as the server knows it. */
async function marker(agent, room) {
    return (await agent.request("GET", `user/${encodeURIComponent(agent.id)}/rooms/${encodeURIComponent(room)}/account_data/m.fully_read`)).event_id;
}

async function until(holds) {
    const end = Date.now() + 10_000;
    while (!(await holds())) assert.ok(Date.now() < end, `it never held: ${holds}`);
}

async function council(town) {
    const [jeanne, paul] = [await town.agent("Jeanne Martin"), await town.agent("Paul Durand")];
    const room = await jeanne.room("Conseil municipal", { preset: "public_chat" });
    await paul.join(room);
    return { jeanne, paul, room };
}

async function say(agent, room, from, to) {
    const ids = [];
    for (let i = from; i <= to; i++) ids.push(await agent.send(room, `Point ${i} de l’ordre du jour`));
    return ids;
}
const point = (page, i) => page.getByRole("article").filter({ hasText: `Point ${i} de` });

test("opens at the first unread message, loads on both sides, and goes to the newest", { timeout: 120_000 }, async (t) => {
    const town = await foundTown(t);
    await town.explainFailure(async () => {
        const { jeanne, paul, room } = await council(town);
        const ids = await say(paul, room, 1, 200);
        await jeanne.request("POST", `rooms/${encodeURIComponent(room)}/read_markers`, { "m.fully_read": ids[99], "m.read": ids[99] });
        const { page } = await town.enter(jeanne);
        await openRoom({ page, press: (locator) => locator.click() }, "Conseil municipal");

        await page.getByRole("separator", { name: "Nouveaux messages" }).waitFor();
        await point(page, 101).waitFor();
        assert.ok((await top(point(page, 101))) > (await top(page.getByRole("separator", { name: "Nouveaux messages" }))));
        assert.ok((await lines(page).count()) < 60, "only what is near the screen is on the page");
        await page.getByRole("button", { name: /^Derniers messages \(\d+ nouveaux\)/ }).waitFor();
        await look(page, "timeline-unread");

        await scroller(page).hover();
        for (let i = 0; i < 400 && !(await point(page, 1).count()); i++) await page.mouse.wheel(0, -400);
        await point(page, 1).waitFor();
        await page.getByText("Vous avez créé ce salon.").waitFor();
        assert.ok((await lines(page).count()) < 60);

        await page.getByRole("button", { name: /derniers messages/i }).click();
        await point(page, 200).waitFor();
        const word = await paul.send(room, "Encore un mot");
        await message(page, "Encore un mot").waitFor();
        await page.waitForFunction(() => {
            const box = document.querySelector(".timeline");
            return box.scrollHeight - box.scrollTop - box.clientHeight < 2;
        });
        await until(async () => (await marker(jeanne, room)) === word);
    });
});

test("what one reads stays in its place when older messages come above it and new ones below", { timeout: 120_000 }, async (t) => {
    const town = await foundTown(t);
    await town.explainFailure(async () => {
        const { jeanne, paul, room } = await council(town);
        await say(jeanne, room, 1, 400);
        const { page } = await town.enter(jeanne);
        await openRoom({ page, press: (locator) => locator.click() }, "Conseil municipal");
        await point(page, 400).waitFor();
        let let_go;
        const held = new Promise((resolve) => (let_go = resolve));
        await page.route(/\/messages\?/, async (route) => (await held, route.continue()));
        await scroller(page).hover();
        await page.mouse.wheel(0, -300);
        await page.waitForFunction(() => document.querySelector(".timeline").scrollHeight - document.querySelector(".timeline").scrollTop > 900);
        for (let i = 0; i < 50 && !(await page.getByText("Chargement des messages…").count()); i++) await page.mouse.wheel(0, -200);
        await page.getByText("Chargement des messages…").waitFor();
        const here = page.getByRole("article").filter({ visible: true }).first();
        const text = await here.textContent();
        const same = page.getByRole("article").filter({ hasText: text }).first();
        const before = await top(same);
        let_go();
        await page.getByText("Chargement des messages…").waitFor({ state: "detached" });
        await paul.send(room, "Un message de plus");
        await page.getByRole("button", { name: /1 nouveau\)/ }).waitFor();
        assert.ok(Math.abs((await top(same)) - before) < 3, `it moved from ${before} to ${await top(same)}`);
    });
});

test("an address leads to a message, a date to a day, a pin to both", { timeout: 120_000 }, async (t) => {
    const town = await foundTown(t);
    await town.explainFailure(async () => {
        const { jeanne, paul, room } = await council(town);
        const ids = await say(paul, room, 1, 150);
        await jeanne.state(room, "m.room.pinned_events", { pinned: [ids[9], "$nulle-part", 3] });
        const { page } = await town.enter(jeanne, { at: `/salon/${encodeURIComponent(room)}/${encodeURIComponent(ids[29])}`, later: true });
        await point(page, 30).waitFor();
        await page.waitForFunction(() => document.activeElement?.textContent.includes("Point 30 de"));

        await page.getByRole("button", { name: "2 messages épinglés" }).click();
        const dialog = page.getByRole("dialog", { name: "Messages épinglés" });
        await dialog.getByText("Point 10 de").waitFor();
        await dialog.getByText("Ce message n’est plus accessible.").waitFor();
        await look(page, "timeline-pinned");
        await dialog.getByRole("listitem").filter({ hasText: "Point 10 de" }).getByRole("button", { name: "Voir dans la conversation" }).click();
        await point(page, 10).waitFor();
        await page.waitForFunction(() => document.activeElement?.textContent.includes("Point 10 de"));

        await page.getByRole("button", { name: /derniers messages/i }).click();
        await point(page, 150).waitFor();
        await scroller(page).hover();
        for (let i = 0; i < 300 && !(await page.getByText("Vous avez créé ce salon.").count()); i++) await page.mouse.wheel(0, -400);
        await page.getByRole("button", { name: /aller à une autre date$/ }).first().click();
        await look(page, "timeline-date");
        await page.getByRole("button", { name: "Aller à cette date" }).click();
        await page.getByRole("dialog").waitFor({ state: "detached" });
        await page.waitForFunction(() => document.activeElement?.hasAttribute("data-stop"));
    });
});

test("by keyboard: one stop, arrows inside, out again, and the focus is never lost", { timeout: 120_000 }, async (t) => {
    const town = await foundTown(t);
    await town.explainFailure(async () => {
        const { jeanne, paul, room } = await council(town);
        await say(paul, room, 1, 100);
        await paul.send(room, "Voir https://service-public.fr");
        const { page } = await town.enter(jeanne);
        await openRoom({ page, press: (locator) => locator.click() }, "Conseil municipal");
        await message(page, "Point").first().waitFor();
        const focus = () => page.evaluate(() => document.activeElement.textContent);
        const focusOn = (text) => page.waitForFunction((text) => document.activeElement?.textContent.includes(text), text);
        const keys = async (...all) => {
            for (const key of all) await page.keyboard.press(key);
        };

        await page.getByRole("textbox", { name: /^Écrire à/ }).focus();
        await keys("Shift+Tab");
        await page.waitForFunction(() => document.activeElement?.hasAttribute("data-stop"));
        await keys("End");
        await focusOn("service-public.fr");
        await keys("Tab");
        assert.equal(await page.evaluate(() => document.activeElement.localName), "a");
        await keys("Tab");
        assert.equal(await focus(), "Actions");
        await keys("Tab");
        assert.equal(await page.evaluate(() => document.activeElement.closest(".timeline")), null, `out of the messages, not ${await focus()}`);
        await keys("Shift+Tab");
        await focusOn("service-public.fr");
        await keys("ArrowUp");
        await focusOn("Point 100 de");
        await keys("ArrowUp", "ArrowUp");
        await focusOn("Point 98 de");
        await keys("PageUp");
        await page.waitForFunction(() => !document.activeElement?.textContent.includes("Point 98 de"));
        const before = await focus();
        await keys("Home");
        await page.waitForFunction((before) => document.activeElement?.hasAttribute("data-stop") && document.activeElement.textContent !== before, before);
        const held = await focus();
        await scroller(page).hover();
        const away = () => page.evaluate(() => document.querySelector(".timeline").scrollTop > 1000);
        for (let i = 0; i < 100 && !(await away()); i++) await page.mouse.wheel(0, 400);
        assert.ok(await away());
        await paul.send(room, "Pendant ce temps");
        assert.equal(await focus(), held, "the focus stays on a line that is scrolled away");
        await keys("ArrowDown");
        await page.waitForFunction((held) => document.activeElement?.hasAttribute("data-stop") && document.activeElement.textContent !== held, held);
        await page.waitForFunction(() => {
            const box = document.activeElement.getBoundingClientRect();
            return box.top >= 0 && box.bottom <= innerHeight;
        });
        await keys("Shift+Tab");
        assert.equal(await page.evaluate(() => document.activeElement.closest(".timeline ol")), null);
    });
});
