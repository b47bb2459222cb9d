// Threads: begun, answered, unread, listed, found again by address.
import assert from "node:assert/strict";
import test from "node:test";
import { message, openRoom } from "../client.mjs";
import { look } from "../look.mjs";
import { foundTown } from "../town.mjs";

const inThread = (root, body) => ({ msgtype: "m.text", body, "m.relates_to": { rel_type: "m.thread", event_id: root, is_falling_back: true, "m.in_reply_to": { event_id: root } } });

test("a thread beside the room", { timeout: 110_000 }, async (t) => {
    const town = await foundTown(t);
    await town.explainFailure(async () => {
        const [jeanne, paul] = [await town.agent("Jeanne Martin"), await town.agent("Paul Durand")];
        const room = await jeanne.room("Conseil municipal", { preset: "public_chat" });
        await paul.join(room);
        const root = await paul.send(room, "Le budget de la voirie");
        const j = await town.enter(jeanne);
        const { page } = j;
        const { keyboard } = page;
        await openRoom(j, "Conseil municipal");
        const main = page.getByRole("main");
        const panel = page.getByRole("complementary", { name: "Fil de discussion" });

        await message(page, "Le budget").hover();
        await message(page, "Le budget").getByRole("button", { name: "Actions", exact: true }).click();
        await page.getByRole("menuitem", { name: "Répondre dans un fil de discussion" }).click();
        await panel.getByRole("article").getByText("Le budget").waitFor();
        const box = panel.getByRole("textbox", { name: "Écrire dans le fil de discussion" });
        await box.click();
        await keyboard.type("12 000 € *environ*");
        await keyboard.press("Enter");
        await message(panel, "12 000 € environ").waitFor();
        await main.getByRole("button", { name: /1 réponse/ }).waitFor();
        assert.equal(await message(main, "12 000 €").count(), 1, "only the line under the root");
        const { chunk } = await paul.request("GET", `/_matrix/client/v1/rooms/${encodeURIComponent(room)}/relations/${encodeURIComponent(root)}/m.thread`);
        const [sent] = chunk;
        assert.deepEqual(sent.content["m.relates_to"], { rel_type: "m.thread", event_id: root, is_falling_back: true, "m.in_reply_to": { event_id: root } });

        await paul.send(room, inThread(root, "Plutôt 13 000"));
        await message(panel, "Plutôt 13 000").waitFor();
        await message(panel, "12 000 €").hover();
        await message(panel, "12 000 €").getByRole("button", { name: "Actions", exact: true }).click();
        await page.getByRole("menuitem", { name: "Modifier", exact: true }).click();
        await page.waitForFunction(() => document.activeElement.id === "composer-thread");
        await keyboard.press("End");
        await keyboard.type(" !");
        await keyboard.press("Enter");
        await message(panel, "12 000 € environ !").getByRole("button", { name: "Modifié" }).waitFor();
        await look(page, "thread");

        await page.getByRole("button", { name: "Fermer le fil" }).click();
        await panel.waitFor({ state: "detached" });
        await paul.send(room, inThread(root, "C’est voté"));
        await main.getByRole("button", { name: /3 réponses\s*1 non lue/ }).waitFor();
        await look(page, "thread-unread");
        await page.getByRole("button", { name: "Fils (1 non lu)" }).click();
        const list = page.getByRole("complementary", { name: "Fils de discussion" });
        await list.getByRole("button", { name: /3 réponses/ }).click();
        await message(panel, "C’est voté").waitFor();
        await page.getByRole("button", { name: "Fils", exact: true }).waitFor();
        await page.reload();
        await message(panel, "12 000 € environ !").waitFor();
        await message(panel, "C’est voté").waitFor();
    });
});
