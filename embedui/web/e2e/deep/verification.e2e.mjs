// A second device is confirmed by the first one, by comparing images: what was written before is read there without the code.
import assert from "node:assert/strict";
import test from "node:test";
import { converse, accept, message, openRoom, send, logIn } from "../client.mjs";
import { look } from "../look.mjs";
import { mouse } from "../hands.mjs";
import { foundTown } from "../town.mjs";

const button = (page, name) => page.getByRole("button", { name, exact: true });
const images = (page) => page.getByRole("list", { name: "Les sept images, dans l’ordre" }).getByRole("listitem");

/** The second device has asked; the first one sees it and consents; both show images. Gives those of both. */
async function compare(first, second) {
    await button(second.page, "Confirmer avec un autre appareil").click();
    await first.page.getByRole("dialog", { name: "Un nouvel appareil demande à être confirmé" }).waitFor();
    await button(first.page, "Comparer les images").click();
    await Promise.all([first, second].map(({ page }) => images(page).nth(6).waitFor()));
    return Promise.all([first, second].map(({ page }) => images(page).allInnerTexts()));
}

/** The same person at another browser, where this device is to be confirmed. */
async function another(town, { name, user, password }) {
    const person = await town.browser.person({ name, user, password }, mouse, async () => {});
    await person.page.goto(town.server.origin);
    await logIn(person);
    await person.page.getByRole("heading", { level: 1, name: "Confirmer cet appareil" }).waitFor();
    return person;
}

test("a device confirms another one by images", { timeout: 110_000 }, async (t) => {
    const town = await foundTown(t);
    await town.explainFailure(async () => {
        const [jeanne, paul] = [await town.agent("Jeanne Martin"), await town.agent("Paul Durand")];
        const [j, p] = [await town.enter(jeanne), await town.enter(paul)];
        await converse(j, paul);
        await accept(p, /Jeanne/);
        await send(p, "La salle est réservée.");
        await message(j.page, "La salle est réservée.").waitFor();

        const second = await another(town, jeanne);
        await button(second.page, "Confirmer avec un autre appareil").waitFor();
        await look(second.page, "confirm-choice");
        const [here, there] = await compare(j, second);
        assert.equal(here.length, 7);
        assert.deepEqual(here, there);
        await look(j.page, "confirm-images-dialog");
        await look(second.page, "confirm-images");
        await button(j.page, "Elles sont identiques").click();
        await button(second.page, "Elles sont identiques").click();
        await button(second.page, "Terminer").waitFor();
        await look(second.page, "confirm-done");
        await Promise.all([j, second].map(({ page }) => button(page, "Terminer").click()));
        await openRoom(second, /Paul/);
        await message(second.page, "La salle est réservée.").waitFor();
        await send(second, "Merci, depuis le deuxième appareil.");
        await message(p.page, "Merci, depuis le deuxième appareil.").waitFor();
    });
});

test("images that differ confirm nothing, and a request can be refused", { timeout: 110_000 }, async (t) => {
    const town = await foundTown(t);
    await town.explainFailure(async () => {
        const jeanne = await town.agent("Jeanne Martin");
        const j = await town.enter(jeanne);
        const second = await another(town, jeanne);
        await compare(j, second);
        await button(j.page, "Elles sont différentes").click();
        for (const { page } of [j, second]) {
            await page.getByText("Les images sont différentes").waitFor();
            await button(page, "Fermer").click();
        }
        await second.page.getByRole("textbox", { name: "Code de récupération" }).waitFor(); // the code still does

        await button(second.page, "Confirmer avec un autre appareil").click();
        const dialog = j.page.getByRole("dialog", { name: "Un nouvel appareil demande à être confirmé" });
        await dialog.waitFor();
        await j.page.keyboard.press("Escape");
        await second.page.getByText("La demande a été annulée").waitFor();
        await button(second.page, "Fermer").click();
        await button(second.page, "Confirmer avec un autre appareil").waitFor();
    });
});
