// What the other tests of this folder stand on: a town hall made by the API is one in the browser too.
import test from "node:test";
import { message, openRoom } from "../client.mjs";
import { foundTown } from "../town.mjs";

test("what agents did by the API is there in the browser", { timeout: 60_000 }, async (t) => {
    const town = await foundTown(t);
    await town.explainFailure(async () => {
        const [jeanne, paul] = [await town.agent("Jeanne Martin"), await town.agent("Paul Durand")];
        const room = await jeanne.room("Conseil municipal", { preset: "public_chat" });
        await paul.join(room);
        await paul.send(room, "La salle des fêtes est libre samedi.");
        const j = await town.enter(jeanne);
        await openRoom(j, "Conseil municipal");
        await message(j.page, "La salle des fêtes est libre samedi.").waitFor();
    });
});
