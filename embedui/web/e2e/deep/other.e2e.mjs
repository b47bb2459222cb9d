// A client of another make reads what ours sends in an encrypted room, and ours reads what it sends: formats, mentions, answers, edits,
// reactions, threads, deletions.
import assert from "node:assert/strict";
import test from "node:test";
import { message, messageBox, openRoom } from "../client.mjs";
import { mautrix } from "../mautrix.mjs";
import { foundTown } from "../town.mjs";

async function act(scope, page, text, action) {
    const one = message(scope, text).first();
    await one.hover();
    await one.getByRole("button", { name: "Actions", exact: true }).click();
    await page.getByRole("menuitem", { name: action, exact: true }).click();
}

test("our web client and mautrix understand each other", { timeout: 180_000 }, async (t) => {
    const town = await foundTown(t);
    await town.explainFailure(async () => {
        const [jeanne, paul] = [await town.agent("Jeanne Martin"), await town.agent("Paul Durand")];
        const encryption = { type: "m.room.encryption", state_key: "", content: { algorithm: "m.megolm.v1.aes-sha2" } };
        const room = await jeanne.room("Conseil municipal", { preset: "public_chat", initial_state: [encryption] });
        const other = await mautrix(t, paul);
        await other.do("join", { room });
        const j = await town.enter(jeanne);
        const { page } = j;
        const { keyboard } = page;
        await openRoom(j, "Conseil municipal");
        const write = async (text) => {
            await keyboard.type(text);
            await keyboard.press("Enter");
        };

        // ours, read there
        await messageBox(page).click();
        await keyboard.type("**Bonjour** @pau");
        await page.getByRole("option", { name: /Paul Durand/ }).waitFor();
        await keyboard.press("Enter");
        await keyboard.press("Enter");
        const hello = await other.sees(room, ({ body }) => body?.startsWith("**Bonjour**"));
        assert.equal(hello.encrypted, true);
        const { content } = await other.content(room, hello.event_id);
        assert.equal(content.formatted_body, `<strong>Bonjour</strong> <a href="https://matrix.to/#/${encodeURIComponent(paul.id)}">Paul Durand</a>`);
        assert.deepEqual(content["m.mentions"], { user_ids: [paul.id] });

        // theirs, read here, and answered
        const { event_id: question } = await other.do("send", { room, body: "Qui vient samedi ?" });
        await message(page, "Qui vient samedi ?").waitFor();
        await act(page, page, "Qui vient samedi ?", "Répondre");
        await page.waitForFunction(() => document.activeElement.id === "composer");
        await write("Moi");
        const answer = await other.sees(room, ({ body }) => body === "Moi");
        const said = await other.content(room, answer.event_id);
        assert.deepEqual(said.relates_to, { "m.in_reply_to": { event_id: question } });
        assert.deepEqual(said.content["m.mentions"], { user_ids: [paul.id] });
        await page.waitForFunction(() => !document.querySelector(".pending"));
        await keyboard.press("ArrowUp");
        await page.getByText("Vous modifiez un message.").waitFor();
        await keyboard.press("End");
        await write(" aussi");
        await other.sees(room, ({ event_id: id, body, edited }) => id === answer.event_id && body === "Moi aussi" && edited);
        await act(page, page, "Qui vient samedi ?", "Réagir");
        await page.getByRole("textbox", { name: "Chercher un émoji" }).fill("pouce haut");
        await page.getByRole("button", { name: "pouce vers le haut" }).click();
        await other.sees(room, ({ event_id: id, reactions }) => id === question && reactions?.includes(jeanne.id));

        // theirs: a formatted answer with a mention, an edit, a reaction, a deletion
        const formatted = {
            msgtype: "m.text", body: "Noté, Jeanne", format: "org.matrix.custom.html",
            formatted_body: `<ul><li>Noté, <a href="https://matrix.to/#/${jeanne.id}">Jeanne Martin</a></li></ul>`,
            "m.mentions": { user_ids: [jeanne.id] }, "m.relates_to": { "m.in_reply_to": { event_id: answer.event_id } },
        };
        await other.do("sendContent", { room, content: formatted });
        await message(page, "Noté").getByRole("button", { name: /Moi aussi/ }).waitFor();
        await message(page, "Noté").getByRole("listitem").locator(".pill.self").waitFor();
        await other.do("edit", { room, event: question, body: "Qui vient dimanche ?" });
        await message(page, "Qui vient dimanche ?").first().getByRole("button", { name: "Modifié" }).waitFor();
        await other.do("react", { room, event: hello.event_id, key: "❤️" });
        await message(page, "Bonjour").getByRole("button", { name: /Paul Durand/, pressed: false }).waitFor();
        const { event_id: mistake } = await other.do("send", { room, body: "à retirer" });
        await message(page, "à retirer").waitFor();
        await other.do("redact", { room, event: mistake });
        await message(page, "Message supprimé").waitFor();

        // a thread, from both sides
        await act(page, page, "Qui vient dimanche ?", "Répondre dans un fil de discussion");
        const panel = page.getByRole("complementary", { name: "Fil de discussion" });
        await panel.getByRole("textbox", { name: "Écrire dans le fil de discussion" }).click();
        await write("Dans le fil");
        await other.sees(room, ({ body }) => body === "Dans le fil");
        await other.do("reply", { room, event: question, body: "Aussi dans le fil" });
        await message(panel, "Aussi dans le fil").waitFor();
        await page.getByRole("main").getByRole("button", { name: /2 réponses/ }).waitFor();
        const thread = await other.do("thread", { room, event: question });
        assert.deepEqual(thread.bodies, ["Dans le fil", "Aussi dans le fil"]);
        assert.equal(thread.count, 2);
    });
});
