// Ctrl K: one box over people, salons and what can be done, by keyboard and as a screen reader has it.
import assert from "node:assert/strict";
import test from "node:test";
import { messageBox } from "../client.mjs";
import { look } from "../look.mjs";
import { foundTown } from "../town.mjs";

const heading = (page, name) => page.getByRole("heading", { level: 1, name });

test("Ctrl K finds without accents or capitals, and opens", { timeout: 110_000 }, async (t) => {
    const town = await foundTown(t);
    await town.explainFailure(async () => {
        const [jeanne, paul] = [await town.agent("Jeanne Martin"), await town.agent("Paul Durand")];
        await jeanne.room("École et cantine");
        await jeanne.room("Conseil municipal");
        await paul.room("Forum de la voirie", { preset: "public_chat", visibility: "public", topic: "Les rues et les chemins" });
        const j = await town.enter(jeanne);
        const { page } = j;
        const box = page.getByRole("combobox", { name: "Une personne, un salon ou une action" });
        const chosen = () => box.evaluate((field) => document.getElementById(field.getAttribute("aria-activedescendant"))?.querySelector(".name").textContent ?? null);
        const isChosen = (name) => page.waitForFunction((wanted) => {
            const field = document.querySelector("[role=combobox]");
            const option = document.getElementById(field?.getAttribute("aria-activedescendant"));
            return option?.getAttribute("aria-selected") === "true" && option.querySelector(".name").textContent === wanted;
        }, name);

        await page.keyboard.press("Control+k");
        await box.waitFor();
        await isChosen("Conseil municipal"); // the last used
        assert.ok(await box.evaluate((field) => field === document.activeElement));
        await look(page, "finder-recent");
        await page.keyboard.type("ECOLE");
        await isChosen("École et cantine");
        await page.keyboard.press("Enter");
        await heading(page, "École et cantine").waitFor();
        await page.waitForFunction(() => document.activeElement.tagName === "TEXTAREA" || document.activeElement.isContentEditable); // one can write at once

        await page.keyboard.press("Control+k");
        await page.keyboard.type("voirie");
        await isChosen("Forum de la voirie");
        await page.keyboard.type(" durand");
        await page.getByText("Rien ne correspond.").waitFor();
        assert.equal(await chosen(), null);
        await box.fill("du");
        await page.getByRole("option", { name: /Paul Durand.*Écrire/ }).waitFor();
        await look(page, "finder-people");
        for (let i = 0; i < 20 && (await chosen()) !== "Paul Durand"; i++) await page.keyboard.press("ArrowDown");
        await page.keyboard.press("Enter");
        await heading(page, /Paul/).waitFor();
        await messageBox(page).waitFor();

        await page.keyboard.press("Control+k");
        await page.keyboard.type("voirie");
        await isChosen("Forum de la voirie");
        await page.keyboard.press("Enter");
        await heading(page, "Forum de la voirie").waitFor();

        await page.getByRole("button", { name: /^Rechercher une personne/ }).click();
        await page.keyboard.type("nouveau salon");
        await isChosen("Nouveau salon");
        await page.keyboard.press("Enter");
        await page.getByRole("dialog", { name: "Nouveau salon" }).waitFor();
        await page.keyboard.press("Escape");
        await page.getByRole("dialog").waitFor({ state: "detached" });

        await page.keyboard.press("Control+k");
        await box.waitFor();
        await page.keyboard.press("Escape");
        await box.waitFor({ state: "detached" });
        await page.waitForFunction(() => document.activeElement !== document.body); // the focus went back
    });
});
