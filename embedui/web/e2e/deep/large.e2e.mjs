// A room of 10,000 members: it opens as quickly as any, and its members are asked for only by who wants to see them.
import assert from "node:assert/strict";
import test from "node:test";
import { message, openRoom } from "../client.mjs";
import { foundTown } from "../town.mjs";

const people = Number(process.env.MEMBERS ?? 10_000);
const token = "un jeton des essais du navigateur";
const service = `
id: habitants
url: null
as_token: ${token}
hs_token: un autre jeton des essais
sender_localpart: registre
namespaces:
  users: [{ exclusive: true, regex: "@habitant-.*" }]
`;

test("a room of 10,000 members", { timeout: 300_000 }, async (t) => {
    const town = await foundTown(t, undefined, service);
    await town.explainFailure(async () => {
        const [jeanne, paul] = [await town.agent("Jeanne Martin"), await town.agent("Paul Durand")];
        const room = await jeanne.room("Réunion publique", { preset: "public_chat" });
        await paul.join(room);
        await crowd(town.server.origin, room);
        for (let i = 1; i <= 30; i++) await paul.send(room, `Annonce ${i}.`);

        const { page } = await town.enter(jeanne, { later: true });
        const asked = [];
        page.on("request", (request) => request.url().includes("/members") && asked.push(request.url()));
        const start = performance.now();
        await openRoom({ page, press: (locator) => locator.click() }, "Réunion publique");
        await message(page, "Annonce 30.").waitFor();
        t.diagnostic(`opened after ${Math.round(performance.now() - start)} ms`);
        await page.getByText(new RegExp(`^${(people + 2).toLocaleString("fr").replace(/\s/g, "\\s?")} membres`)).waitFor();
        assert.deepEqual(asked, [], "nobody asked for the members");
        await page.getByText(/et \d+ autres sont arrivés/).waitFor();
        const elements = await page.evaluate(() => document.querySelectorAll("*").length);
        assert.ok(elements < 1500, `${elements} elements`);

        await page.getByRole("button", { name: "Détails" }).click();
        await page.getByRole("heading", { name: /^Détails de/ }).waitFor();
        await page.getByText("Habitant 1", { exact: true }).first().waitFor({ state: "attached", timeout: 60_000 });
        await paul.send(room, "Pendant que la liste est ouverte");
        await message(page, "Pendant que la liste est ouverte").waitFor();
    });
});

/** Inhabitants by an application service: their accounts have no password, which would cost the most of it. */
async function crowd(origin, room) {
    const call = async (path, body) => {
        const response = await fetch(`${origin}/_matrix/client/v3/${path}`, {
            method: "POST", headers: { "Content-Type": "application/json", Authorization: `Bearer ${token}` }, body: JSON.stringify(body),
        });
        assert.ok(response.ok, `${path}: ${response.status} ${await response.clone().text()}`);
        await response.arrayBuffer();
    };
    let n = 0;
    const register = async () => {
        while (n < people) {
            const username = `habitant-${++n}`;
            await call("register?kind=user", { type: "m.login.application_service", username, inhibit_login: true });
            await call(`join/${encodeURIComponent(room)}?user_id=${encodeURIComponent(`@${username}:localhost`)}`, {});
        }
    };
    await Promise.all(Array.from({ length: 8 }, register));
}
