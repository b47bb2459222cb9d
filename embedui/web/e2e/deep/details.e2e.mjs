// A room's details: people and their roles, what calls, asking to be let in, removing, reporting, leaving as the last administrator; ten thousand members.
import assert from "node:assert/strict";
import test from "node:test";
import { openRoom } from "../client.mjs";
import { look } from "../look.mjs";
import { foundTown } from "../town.mjs";

const button = (page, name) => page.getByRole("button", { name, exact: true });
const details = async (page) => {
    await button(page, "Détails").click();
    await page.getByRole("heading", { name: /^Détails de/ }).waitFor();
};

test("roles, silence, favourites, knocks, removals and reports", { timeout: 110_000 }, async (t) => {
    const town = await foundTown(t);
    await town.explainFailure(async () => {
        const [jeanne, paul, anne, luc] = [await town.agent("Jeanne Martin", { admin: true }), await town.agent("Paul Durand"), await town.agent("Anne Petit"), await town.agent("Luc Moreau")];
        const room = await jeanne.room("Voirie", { preset: "public_chat", topic: "Les rues et les chemins" });
        for (const agent of [paul, anne]) await agent.join(room);
        await jeanne.state(room, "m.room.join_rules", { join_rule: "knock" });
        await luc.request("POST", `knock/${encodeURIComponent(room)}`, { reason: "Je m’occupe du déneigement" });
        const j = await town.enter(jeanne);
        const { page } = j;
        await page.setViewportSize({ width: 1280, height: 1500 });
        await openRoom(j, "Voirie");
        await details(page);

        await page.getByText("« Je m’occupe du déneigement »").waitFor();
        await look(page, "details-knock");
        await button(page, "Accepter Luc Moreau").click();
        await button(page, "Accepter Luc Moreau").waitFor({ state: "detached" });
        await page.getByRole("heading", { name: "Personnes invitées, sans réponse" }).waitFor();
        await luc.join(room);

        await page.getByText("Notifications et favoris").click();
        await page.getByRole("radio", { name: "quand on me mentionne" }).check();
        await page.getByRole("radio", { name: "parmi les favoris" }).check();
        await page.getByRole("navigation").getByRole("heading", { name: "Favoris" }).waitFor();
        await look(page, "details-settings");

        await page.getByRole("button", { name: /Paul Durand/ }).click();
        const dialog = page.getByRole("dialog", { name: "Paul Durand" });
        await dialog.getByRole("radio", { name: /^Animateur/ }).check();
        await dialog.getByRole("button", { name: "Changer le rôle" }).click();
        await page.waitForFunction(() => document.querySelector("[role=dialog] .who-is").textContent.includes("Animateur"));
        await look(page, "member");
        await dialog.getByRole("button", { name: "Fermer" }).click();
        await page.getByRole("button", { name: /Paul Durand.*Animateur/ }).waitFor();

        await page.getByRole("button", { name: /Anne Petit/ }).click();
        await button(page, "Exclure…").click();
        await page.getByRole("textbox", { name: "Raison (facultative)" }).fill("Propos déplacés");
        await look(page, "member-ban");
        await button(page, "Exclure…").click();
        await page.getByRole("heading", { name: "Personnes exclues" }).waitFor();
        const banned = await jeanne.request("GET", `rooms/${encodeURIComponent(room)}/state/m.room.member/${encodeURIComponent(anne.id)}`);
        assert.deepEqual([banned.membership, banned.reason], ["ban", "Propos déplacés"]);
        await page.getByRole("button", { name: /Anne Petit/ }).click();
        await button(page, "Lever l’exclusion").click();
        await page.getByRole("heading", { name: "Personnes exclues" }).waitFor({ state: "detached" });

        await button(page, "Signaler…").click();
        await page.getByRole("textbox", { name: "Que se passe-t-il ?" }).fill("Le ton monte");
        await look(page, "report");
        await button(page, "Envoyer le signalement").click();
        await page.getByText("Votre signalement est envoyé.").waitFor();
        await page.getByRole("dialog").getByRole("button", { name: "Fermer" }).click();

        await button(page, "Quitter…").click();
        await page.getByText("Vous êtes le dernier administrateur.").waitFor();
        await look(page, "leave-last");
        await page.getByRole("combobox", { name: "Nouvel administrateur" }).selectOption({ label: "Paul Durand" });
        await button(page, "Nommer et quitter").click();
        await page.getByRole("heading", { level: 1, name: /^Bienvenue/ }).waitFor();
        await page.getByRole("navigation").getByRole("link", { name: /Voirie/ }).waitFor({ state: "detached" });
        const levels = await paul.request("GET", `rooms/${encodeURIComponent(room)}/state/m.room.power_levels`);
        assert.equal(levels.users[paul.id], 100);
    });
});

test("ten thousand members: those who are seen are drawn, anybody is found", { timeout: 110_000 }, async (t) => {
    const town = await foundTown(t);
    await town.explainFailure(async () => {
        const jeanne = await town.agent("Jeanne Martin");
        await jeanne.room("Tous les agents");
        const j = await town.enter(jeanne, { later: true });
        const { page } = j;
        await page.route(/\/rooms\/[^/]+\/members/, async (route) => {
            const response = await route.fetch();
            const { chunk } = await response.json();
            const more = Array.from({ length: 10_000 }, (_, i) => ({
                ...chunk[0], event_id: `$member${i}`, sender: `@agent${i}:localhost`, state_key: `@agent${i}:localhost`,
                content: { membership: "join", displayname: `Agent numéro ${String(i).padStart(5, "0")}` },
            }));
            await route.fulfill({ response, json: { chunk: [...chunk, ...more] } });
        });
        await openRoom(j, "Tous les agents");
        await details(page);
        const field = page.getByRole("textbox", { name: "Chercher un membre" });
        await field.waitFor();
        const rows = page.locator(".members button");
        await page.getByRole("button", { name: "Agent numéro 00000" }).waitFor();
        assert.ok((await rows.count()) < 60, `${await rows.count()} rows are drawn`);
        await rows.first().focus();
        await page.keyboard.press("End");
        await page.waitForFunction(() => document.activeElement.textContent.includes("09999"));
        const box = await page.evaluate(() => document.activeElement.getBoundingClientRect().toJSON());
        assert.ok(box.top >= 0 && box.bottom <= 800, `what has the focus is seen: ${JSON.stringify(box)}`);
        assert.ok((await rows.count()) < 60, `${await rows.count()} rows are drawn`);
        await field.fill("04242");
        await page.getByText("1 personne", { exact: true }).waitFor();
        await page.getByRole("button", { name: "Agent numéro 04242" }).click();
        await page.getByRole("dialog", { name: "Agent numéro 04242" }).waitFor();
    });
});
