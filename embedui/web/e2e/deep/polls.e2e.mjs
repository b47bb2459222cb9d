// Polls in an encrypted room: asked, voted, changed, ended.
import test from "node:test";
import { message, openRoom } from "../client.mjs";
import { look } from "../look.mjs";
import { foundTown } from "../town.mjs";

test("a poll from its question to its end", { timeout: 110_000 }, async (t) => {
    const town = await foundTown(t);
    await town.explainFailure(async () => {
        const [jeanne, paul] = [await town.agent("Jeanne Martin"), await town.agent("Paul Durand")];
        const encryption = { type: "m.room.encryption", state_key: "", content: { algorithm: "m.megolm.v1.aes-sha2" } };
        const room = await jeanne.room("Conseil municipal", { preset: "public_chat", initial_state: [encryption] });
        await paul.join(room);
        const [j, p] = [await town.enter(jeanne), await town.enter(paul)];
        await openRoom(j, "Conseil municipal");
        await openRoom(p, "Conseil municipal");

        await j.page.getByRole("button", { name: "Sondage", exact: true }).click();
        const dialog = j.page.getByRole("dialog", { name: "Nouveau sondage" });
        await dialog.getByRole("button", { name: "Envoyer le sondage" }).click();
        await dialog.getByText("Il manque la question.").waitFor();
        await look(j.page, "poll-new");
        const write = (name, text) => dialog.getByRole("textbox", { name, exact: true }).fill(text);
        await write("Question", "Quel jour pour la réunion ?");
        await write("Réponse 1", "Lundi");
        await write("Réponse 2", "Mardi");
        await dialog.getByRole("button", { name: "Envoyer le sondage" }).click();
        const asked = (page) => page.getByRole("group", { name: "Quel jour pour la réunion ?" });
        await asked(j.page).waitFor();

        await asked(p.page).getByRole("radio", { name: /Lundi/ }).check();
        await asked(j.page).getByText("1 personne a voté").waitFor();
        await asked(p.page).getByRole("radio", { name: /Mardi/ }).check();
        await asked(j.page).getByRole("radio", { name: /Mardi 1 voix/ }).check();
        await asked(p.page).getByRole("radio", { name: /Mardi 2 voix/, checked: true }).waitFor();
        await look(p.page, "poll");
        await asked(j.page).getByRole("button", { name: "Terminer le sondage" }).click();
        for (const { page } of [j, p]) {
            await asked(page).getByText("Sondage terminé.").waitFor();
            await asked(page).getByRole("radio", { name: /Lundi 0 voix/, disabled: true }).waitFor();
        }
        await p.page.reload();
        await asked(p.page).getByText("Sondage terminé. 2 personnes ont voté.").waitFor();
        await message(p.page, "Quel jour").getByRole("radio", { name: /Mardi 2 voix/ }).waitFor();
    });
});
