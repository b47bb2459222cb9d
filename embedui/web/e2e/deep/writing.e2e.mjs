// Writing: formats, names, emoji, what is pasted, answers and edits by keyboard. What arrives is read at the API.
import assert from "node:assert/strict";
import test from "node:test";
import { message, messageBox, openRoom } from "../client.mjs";
import { look } from "../look.mjs";
import { foundTown } from "../town.mjs";

/** Two people in a salon; jeanne is in a browser, paul at the API. */
async function salon(t) {
    const town = await foundTown(t);
    const [jeanne, paul] = [await town.agent("Jeanne Martin"), await town.agent("Hélène Élan")];
    const room = await jeanne.room("Conseil municipal", { preset: "public_chat" });
    await paul.join(room);
    return { town, jeanne, paul, room };
}

/** What the last message that paul sees says. */
async function lastContent(paul, room) {
    const { chunk } = await paul.request("GET", `rooms/${encodeURIComponent(room)}/messages?dir=b&limit=5`);
    return chunk.find((event) => event.type === "m.room.message").content;
}

test("formats, names and emoji", { timeout: 90_000 }, async (t) => {
    const { town, jeanne, paul, room } = await salon(t);
    await town.explainFailure(async () => {
        const other = await jeanne.room("École et cantine");
        const j = await town.enter(jeanne);
        const { page } = j;
        const { keyboard } = page;
        await openRoom(j, "Conseil municipal");
        await messageBox(page).click();

        await keyboard.type("**Budget** : 12 000 € ; <b>voté</b> !");
        await keyboard.press("Enter");
        await message(page, "Budget : 12 000 €").getByText("Budget", { exact: true }).waitFor();
        assert.deepEqual(await lastContent(paul, room), {
            msgtype: "m.text", body: "**Budget** : 12 000 € ; <b>voté</b> !", format: "org.matrix.custom.html",
            formatted_body: "<strong>Budget</strong> : 12 000 € ; &lt;b&gt;voté&lt;/b&gt; !", "m.mentions": {},
        });

        await keyboard.type("Bonjour @el");
        const option = (name) => page.getByRole("option", { name });
        await option(/Hélène Élan/).waitFor();
        await look(page, "composer-completion");
        await keyboard.press("Enter");
        assert.equal(await messageBox(page).inputValue(), "Bonjour @Hélène Élan ");
        await keyboard.type("et #eco");
        await option(/École et cantine/).waitFor();
        await keyboard.press("Tab");
        await keyboard.type(":gateau");
        await option(/gâteau/).first().waitFor();
        await keyboard.press("ArrowDown");
        await keyboard.press("ArrowUp");
        await keyboard.press("Enter");
        await keyboard.type("@sal");
        await option(/@salon/).waitFor();
        await keyboard.press("Enter");
        await keyboard.press("Enter");
        await message(page, "Bonjour @Hélène Élan et").locator(".pill", { hasText: "@Hélène Élan" }).waitFor();
        const content = await lastContent(paul, room);
        assert.deepEqual(content["m.mentions"], { user_ids: [paul.id], room: true });
        assert.match(content.body, /^Bonjour @Hélène Élan et #École et cantine \p{Emoji_Presentation} @salon$/u);
        const at = encodeURIComponent;
        assert.ok(content.formatted_body.includes(`<a href="https://matrix.to/#/${at(paul.id)}">Hélène Élan</a>`), content.formatted_body);
        assert.ok(content.formatted_body.includes(`<a href="https://matrix.to/#/${at(other)}">#École et cantine</a>`), content.formatted_body);

        await keyboard.type("Bravo ");
        await page.getByRole("button", { name: "Émoji", exact: true }).click();
        await page.getByRole("textbox", { name: "Chercher un émoji" }).fill("applau");
        await page.getByRole("button", { name: "applaudissements" }).waitFor();
        await page.getByRole("textbox", { name: "Chercher un émoji" }).fill("");
        await look(page, "emoji-picker");
        await page.getByLabel("Couleur de peau").selectOption("✋🏽");
        await page.getByRole("textbox", { name: "Chercher un émoji" }).fill("pouce haut");
        await page.getByRole("button", { name: "pouce vers le haut" }).click();
        await page.waitForFunction(() => document.activeElement?.id === "composer");
        await keyboard.press("Enter");
        await message(page, "Bravo 👍🏽").waitFor();
        await page.getByRole("button", { name: "Émoji", exact: true }).click();
        await page.getByRole("group", { name: "Utilisés récemment" }).getByText("👍🏽").waitFor();
    });
});

const word = `<html xmlns:o="urn:schemas-microsoft-com:office:office"><head><style>p.MsoNormal { margin: 0 }</style></head><body>
<p class=MsoNormal>Séance du <b>24&nbsp;novembre</b><o:p></o:p></p>
<p class=MsoListParagraphCxSpFirst style='mso-list:l0 level1 lfo1'><![if !supportLists]><span style='mso-list:Ignore'>·<span>&nbsp;&nbsp; </span></span><![endif]>Voirie</p>
<p class=MsoListParagraphCxSpLast style='mso-list:l0 level2 lfo1'><![if !supportLists]><span style='mso-list:Ignore'>o<span>&nbsp;&nbsp; </span></span><![endif]>Rue <i>Haute</i></p>
<table><tr><td><p class=MsoNormal><b>Poste</b></p></td><td><p class=MsoNormal>Montant</p></td></tr><tr><td><p>École</p></td><td><p>8&nbsp;500&nbsp;€</p></td></tr></table>
<script>window.attacked = 1</script><img src=x onerror="window.attacked = 1"></body></html>`;

const libreOffice = '<html><body><p><font face="Liberation Serif">Voir <a href="https://service-public.fr/">le site</a></font></p><ol start="2"><li><p>deux</p></li><li><p>trois</p><ul><li><p>sous</p></li></ul></li></ol></body></html>';

test("lists and tables pasted from Word and LibreOffice", { timeout: 90_000 }, async (t) => {
    const { town, jeanne, paul, room } = await salon(t);
    await town.explainFailure(async () => {
        const j = await town.enter(jeanne);
        const { page } = j;
        await openRoom(j, "Conseil municipal");
        const paste = (html, text) => messageBox(page).evaluate((box, data) => {
            box.focus();
            const clipboardData = new DataTransfer();
            clipboardData.setData("text/html", data.html);
            clipboardData.setData("text/plain", data.text);
            box.dispatchEvent(new ClipboardEvent("paste", { clipboardData, bubbles: true, cancelable: true }));
        }, { html, text });
        const written = (text) => page.waitForFunction((wanted) => document.getElementById("composer").value.includes(wanted), text);

        await paste(word, "texte simple");
        await written("8\u00a0500\u00a0€");
        const nbsp = "\u00a0";
        assert.equal(await messageBox(page).inputValue(), `Séance du **24${nbsp}novembre**\n\n- Voirie\n   - Rue *Haute*\n\n| **Poste** | Montant |\n| --- | --- |\n| École | 8${nbsp}500${nbsp}€ |`);
        await page.keyboard.press("Enter");
        await page.getByRole("cell", { name: "École" }).waitFor();
        assert.match((await lastContent(paul, room)).formatted_body, /<ul><li>.*Voirie.*<ul><li>Rue <em>Haute<\/em><\/li><\/ul><\/li><\/ul><table>/);
        await look(page, "pasted-word");

        await paste(libreOffice, "texte simple");
        await written("trois");
        assert.equal(await messageBox(page).inputValue(), "Voir [le site](https://service-public.fr/)\n\n2. deux\n3. trois\n   - sous");
        await page.keyboard.press("Control+Z");
        assert.equal(await messageBox(page).inputValue(), "");
        await paste("<html><body><p>rien de <span>plus</span></p></body></html>", "rien de plus");
        assert.equal(await messageBox(page).inputValue(), "", "the browser's own pasting, which a made-up event does not bring");
        assert.equal(await page.evaluate(() => window.attacked), undefined);
    });
});
