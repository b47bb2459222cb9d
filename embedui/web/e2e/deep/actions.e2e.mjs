// What one can do with a message: by mouse, by keyboard alone, by touch.
import assert from "node:assert/strict";
import test from "node:test";
import { message, messageBox, openRoom } from "../client.mjs";
import { look } from "../look.mjs";
import { foundTown } from "../town.mjs";

/** Opens the menu of a message by mouse, and chooses. */
async function act(page, text, action) {
    const one = message(page, text).first(); // answers repeat it
    await one.hover();
    await one.getByRole("button", { name: "Actions", exact: true }).click();
    await page.getByRole("menuitem", { name: action, exact: true }).click();
}

async function messages(agent, room) {
    return (await agent.request("GET", `rooms/${encodeURIComponent(room)}/messages?dir=b&limit=20`)).chunk;
}

test("answer, change, react, quote, pass on, link, pin, report, delete", { timeout: 110_000 }, async (t) => {
    const town = await foundTown(t);
    await town.explainFailure(async () => {
        const [jeanne, paul] = [await town.agent("Jeanne Martin", { admin: true }), await town.agent("Paul Durand")];
        const room = await jeanne.room("Conseil municipal", { preset: "public_chat" });
        const other = await jeanne.room("Voirie");
        await paul.join(room);
        const asked = await paul.send(room, "Qui vient samedi ?");
        const j = await town.enter(jeanne);
        const { page } = j;
        const { keyboard } = page;
        await page.context().grantPermissions(["clipboard-read", "clipboard-write"], { origin: town.server.origin });
        await openRoom(j, "Conseil municipal");

        await message(page, "Qui vient samedi ?").hover();
        await message(page, "Qui vient samedi ?").getByRole("button", { name: "Actions", exact: true }).click();
        await page.getByRole("menuitem", { name: "Répondre", exact: true }).waitFor();
        await look(page, "message-menu");
        await page.getByRole("menuitem", { name: "Répondre", exact: true }).click();
        await page.getByText("Réponse à Paul Durand").waitFor();
        await page.waitForFunction(() => document.activeElement.id === "composer");
        await look(page, "composer-answer");
        await keyboard.type("Moi");
        await keyboard.press("Enter");
        await message(page, "Moi").getByRole("button", { name: /Qui vient samedi/ }).waitFor();
        const answer = (await messages(paul, room)).find(({ content }) => content.body === "Moi");
        assert.deepEqual(answer.content["m.relates_to"], { "m.in_reply_to": { event_id: asked } });
        assert.deepEqual(answer.content["m.mentions"], { user_ids: [paul.id] });

        await keyboard.press("ArrowUp");
        await page.getByText("Vous modifiez un message.").waitFor();
        await keyboard.press("Escape");
        assert.equal(await messageBox(page).inputValue(), "");
        await keyboard.type("un brouillon");
        await act(page, "Moi", "Modifier");
        assert.equal(await messageBox(page).inputValue(), "Moi");
        await keyboard.press("End");
        await keyboard.type(" aussi");
        await keyboard.press("Enter");
        await message(page, "Moi aussi").getByRole("button", { name: "Modifié" }).waitFor();
        assert.equal(await messageBox(page).inputValue(), "un brouillon", "what was being written comes back");
        await messageBox(page).fill("");

        await act(page, "Qui vient samedi ?", "Réagir");
        await page.getByRole("textbox", { name: "Chercher un émoji" }).fill("pouce haut");
        await page.getByRole("button", { name: "pouce vers le haut" }).click();
        await message(page, "Qui vient samedi ?").getByRole("button", { name: /Jeanne Martin/, pressed: true }).waitFor();

        await act(page, "Moi aussi", "Citer");
        assert.equal(await messageBox(page).inputValue(), "> Moi aussi\n\n");
        await messageBox(page).fill("");
        await act(page, "Moi aussi", "Copier le texte");
        await page.getByText("Texte copié").waitFor();
        assert.equal(await page.evaluate(() => navigator.clipboard.readText()), "Moi aussi");
        await act(page, "Qui vient samedi ?", "Copier le lien");
        await page.getByText("Lien copié").waitFor();
        assert.equal(await page.evaluate(() => navigator.clipboard.readText()), `${town.server.origin}/salon/${encodeURIComponent(room)}/${encodeURIComponent(asked)}`);

        await act(page, "Qui vient samedi ?", "Transférer");
        await page.getByRole("checkbox", { name: "Voirie" }).waitFor();
        await look(page, "message-forward");
        await page.getByRole("checkbox", { name: "Voirie" }).check();
        await page.getByRole("dialog").getByRole("button", { name: "Transférer" }).click();
        await page.getByText("Transféré : Voirie").waitFor();
        await openRoom(j, "Voirie");
        await message(page, "Qui vient samedi ?").waitFor();
        assert.deepEqual((await messages(jeanne, other))[0].content, { msgtype: "m.text", body: "Qui vient samedi ?", "m.mentions": {} });

        await openRoom(j, "Conseil municipal");
        await act(page, "Qui vient samedi ?", "Épingler");
        await page.getByText("Message épinglé").waitFor();
        await act(page, "Qui vient samedi ?", "Ne plus épingler");
        await page.getByText("Message désépinglé").waitFor();

        await act(page, "Qui vient samedi ?", "Signaler");
        await page.getByRole("textbox", { name: "Pourquoi le signalez-vous ?" }).fill("un essai");
        await look(page, "message-report");
        await page.getByRole("dialog").getByRole("button", { name: "Signaler" }).click();
        await page.getByText("Message signalé").waitFor();

        await act(page, "Qui vient samedi ?", "Supprimer");
        await page.getByRole("textbox", { name: "Raison (facultatif)" }).fill("doublon");
        await look(page, "message-delete");
        await page.getByRole("dialog").getByRole("button", { name: "Supprimer" }).click();
        await message(page, "Message supprimé").first().waitFor();
        assert.equal((await messages(paul, room)).find(({ event_id: id }) => id === asked).unsigned.redacted_because.content.reason, "doublon");
    });
});

test("the menu by keyboard, and by a long touch", { timeout: 90_000 }, async (t) => {
    const town = await foundTown(t);
    await town.explainFailure(async () => {
        const jeanne = await town.agent("Jeanne Martin");
        const room = await jeanne.room("Conseil municipal");
        await jeanne.send(room, "Bonjour");
        const j = await town.enter(jeanne);
        const { page } = j;
        await openRoom(j, "Conseil municipal");
        const button = message(page, "Bonjour").getByRole("button", { name: "Actions", exact: true });
        await button.focus();
        await page.keyboard.press("Enter");
        await page.getByRole("menuitem", { name: "Répondre", exact: true }).waitFor();
        await page.keyboard.press("ArrowDown");
        await page.waitForFunction(() => document.activeElement.textContent === "Réagir");
        await page.keyboard.press("Escape");
        await page.waitForFunction(() => document.activeElement.matches("[data-actions]"));
        await page.keyboard.press("Enter");
        await page.getByRole("menuitem", { name: "Supprimer", exact: true }).waitFor();
        await page.keyboard.press("End");
        await page.keyboard.press("Enter");
        await page.getByRole("dialog", { name: "Supprimer ce message ?" }).waitFor();
        await page.keyboard.press("Escape");
        await page.getByRole("dialog").waitFor({ state: "detached" });
        await page.waitForFunction(() => document.activeElement.matches("[data-actions]"));

        await message(page, "Bonjour").locator("p.text").evaluate((text) => text.dispatchEvent(new PointerEvent("contextmenu", { pointerType: "touch", bubbles: true, cancelable: true })));
        await page.getByRole("menuitem", { name: "Répondre", exact: true }).waitFor();
    });
});
