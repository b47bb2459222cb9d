// What old lines, wrong clocks and broken events do to the timeline: nothing that lasts, and nothing that was typed is lost.
import assert from "node:assert/strict";
import test from "node:test";
import { message, messageBox, openRoom } from "../client.mjs";
import { serve } from "../server.mjs";
import { foundTown } from "../town.mjs";

const typed = "ce qui était déjà écrit";

/** Jeanne in a room that Paul writes in, in the middle of a sentence. */
async function inRoom(t, body, how) {
    const town = await foundTown(t);
    await town.explainFailure(async () => {
        const [jeanne, paul] = [await town.agent("Jeanne Martin"), await town.agent("Paul Durand")];
        const room = await jeanne.room("Conseil municipal", { preset: "public_chat" });
        await paul.join(room);
        await paul.send(room, "Bonjour");
        const j = await town.enter(jeanne, { later: true, ...how });
        const faults = [];
        j.page.on("pageerror", (error) => faults.push(error.stack));
        await openRoom(j, "Conseil municipal");
        await message(j.page, "Bonjour").waitFor();
        await messageBox(j.page).fill(typed);
        await body({ town, jeanne, paul, room, page: j.page });
        assert.equal(await messageBox(j.page).inputValue(), typed);
        assert.deepEqual(faults, []);
    });
}

const deep = (times) => {
    let value = "fond";
    for (let i = 0; i < times; i++) value = i % 2 ? [value] : { a: value };
    return value;
};
const wrong = [null, true, 3, -1, 1e15, "", "x", "x".repeat(20_000), "\u202e\u2066renversé\u0000", "🏛️".repeat(500), [], [null, 3, "a"], {}, { a: 1 }, deep(60)];
const relations = ["m.replace", "m.annotation", "m.thread", "m.reference", "inconnu", 3, null];

/** Contents of messages, each wrong in one way. */
function* messages(target) {
    for (const value of wrong) {
        for (const name of ["msgtype", "body", "format", "formatted_body", "filename", "url", "file", "info", "m.mentions", "m.relates_to", "m.new_content", "m.text"]) {
            yield { msgtype: "m.text", body: "étrange", format: "org.matrix.custom.html", formatted_body: "<b>étrange</b>", [name]: value };
        }
        for (const msgtype of ["m.image", "m.file", "m.audio", "m.video", "m.location", "m.emote", "m.notice", "inconnu"]) yield { msgtype, body: "étrange", url: value, info: value, geo_uri: value };
        for (const rel_type of relations) {
            yield { msgtype: "m.text", body: "étrange", "m.relates_to": { rel_type, event_id: target, key: value, "m.in_reply_to": value, is_falling_back: value }, "m.new_content": value };
            yield { msgtype: "m.text", body: "étrange", "m.relates_to": { rel_type, event_id: value, "m.in_reply_to": { event_id: value } } };
        }
    }
}

/** Events of other types: [type, content]. */
function* others(target) {
    const types = ["m.reaction", "m.sticker", "m.poll.start", "org.matrix.msc3381.poll.start", "m.room.encrypted", "m.call.invite", "m.key.verification.request", "m.beacon", "fr.exemple.inconnu"];
    for (const type of types) {
        for (const value of wrong) {
            yield [type, { body: value, url: value, "m.relates_to": value, algorithm: value, ciphertext: value, question: value, "m.poll": value }];
            yield [type, { "m.relates_to": { rel_type: "m.annotation", event_id: target, key: value } }];
        }
    }
}

/** State events: [type, content, key]. What the server refuses, as a person would be refused, does not come. */
function* states(jeanne) {
    for (const value of wrong) {
        yield ["m.room.topic", { topic: value }];
        yield ["m.room.name", { name: value }];
        yield ["m.room.avatar", { url: value }];
        yield ["m.room.canonical_alias", { alias: value, alt_aliases: value }];
        yield ["m.room.pinned_events", { pinned: value }];
        yield ["m.room.history_visibility", { history_visibility: value }];
        yield ["m.room.guest_access", { guest_access: value }];
        yield ["m.room.third_party_invite", { display_name: value }, "jeton"];
        yield ["m.room.server_acl", { allow: ["*"], deny: value }];
        yield ["m.room.retention", { max_lifetime: value }];
        yield ["m.space.parent", { via: value }, "!ailleurs:localhost"];
        yield ["m.room.member", { membership: "join", displayname: value, avatar_url: value }, jeanne.id];
        yield ["fr.exemple.etat", { valeur: value }, "clé"];
    }
}

test("malformed events of every kind", { timeout: 240_000 }, (t) =>
    inRoom(t, async ({ jeanne, paul, room, page }) => {
        const target = await paul.send(room, "la cible");
        const sends = [
            ...[...messages(target)].map((content) => () => paul.send(room, content)),
            ...[...others(target)].map(([type, content]) => () => paul.send(room, content, type)),
            ...[...states(jeanne)].map(([type, content, key]) => () => jeanne.state(room, type, content, key)),
        ];
        const refused = (await all(sends, 4)).filter(Boolean).length;
        t.diagnostic(`${sends.length} events, ${refused} of them refused by the server`);
        assert.ok(sends.length - refused > 500);
        await jeanne.state(room, "m.room.name", { name: "Conseil municipal" });
        await paul.send(room, "Après tout cela");
        await message(page, "Après tout cela").waitFor();
        await whole(page, () => page.getByRole("article").filter({ hasText: "la cible" }).count());

        await page.reload(); // and when they come with the first answer
        await message(page, "Après tout cela").waitFor();
        await page.getByRole("heading", { level: 1, name: "Conseil municipal" }).waitFor();
    }));

/** Runs them, some at a time; gives the errors. */
async function all(jobs, atOnce) {
    const errors = [];
    const left = jobs.entries();
    const work = async () => {
        for (const [i, job] of left) errors[i] = await job().then(() => null, (error) => error);
    };
    await Promise.all(Array.from({ length: atOnce }, work));
    return errors;
}

/** Scrolls up until it is there: all lines between are drawn on the way. */
async function whole(page, there) {
    await page.getByRole("region", { name: "Messages" }).hover();
    for (let i = 0; i < 3000 && !(await there()); i++) await page.mouse.wheel(0, -500);
    assert.ok(await there());
}

test("a line lost for an hour: what came meanwhile is there, in order, without a hole", { timeout: 120_000 }, (t) =>
    inRoom(t, async ({ paul, room, page }) => {
        await page.context().setOffline(true);
        await page.getByText(/Connexion perdue/).first().waitFor();
        for (let i = 1; i <= 300; i++) await paul.send(room, `Absence ${i}.`);
        await page.context().setOffline(false);
        await page.getByRole("separator", { name: "Nouveaux messages" }).waitFor();
        await message(page, "Absence 1.").waitFor();
        await page.getByRole("region", { name: "Messages" }).hover();
        const seen = new Set();
        for (let i = 0; i < 400 && !seen.has(300); i++) {
            for (const text of await page.getByRole("article").allTextContents()) seen.add(Number(text.match(/Absence (\d+)\./)?.[1]));
            await page.mouse.wheel(0, 250);
        }
        assert.deepEqual(Array.from({ length: 300 }, (_, i) => i + 1).filter((i) => !seen.has(i)), []);
    }));

test("the server is started again", { timeout: 90_000 }, (t) =>
    inRoom(t, async ({ town, paul, room, page }) => {
        const { port } = new URL(town.server.origin);
        await town.server.stop();
        await page.getByText(/Connexion perdue/).first().waitFor();
        const again = await serve(t, town.data, "--config", `${town.data}/beffroi.toml`, "--listen", `127.0.0.1:${port}`);
        assert.equal(again.origin, town.server.origin);
        await paul.send(room, "De retour");
        await message(page, "De retour").waitFor();
        assert.equal(await message(page, "Bonjour").count(), 1);
    }));

test("a clock that is a day ahead: the days are the server's", { timeout: 90_000 }, async (t) => {
    const town = await foundTown(t);
    await town.explainFailure(async () => {
        const [jeanne, paul] = [await town.agent("Jeanne Martin"), await town.agent("Paul Durand")];
        const room = await jeanne.room("Conseil municipal", { preset: "public_chat" });
        await paul.join(room);
        const { page } = await town.enter(jeanne, { later: true });
        await page.addInitScript(() => {
            const real = Date.now.bind(Date);
            const Real = Date;
            const ahead = 26 * 3_600_000;
            window.Date = class extends Real {
                constructor(...args) {
                    if (args.length) super(...args);
                    else super(real() + ahead);
                }
                static now = () => real() + ahead;
            };
        });
        await page.goto(`${town.server.origin}/salon/${encodeURIComponent(room)}`);
        await paul.send(room, "De Paul");
        await message(page, "De Paul").waitFor();
        await page.route(/\/send\/m\.room\.message/, async (route) => (await new Promise((go) => (page.sent = go)), route.continue()));
        await messageBox(page).fill("De Jeanne");
        await page.keyboard.press("Enter");
        await message(page, "De Jeanne").waitFor();
        assert.equal(await page.locator(".timeline").getByRole("heading", { level: 2 }).count(), 1, "what is on its way is of the same day");
        page.sent();
        await paul.send(room, "De Paul encore");
        await message(page, "De Paul encore").waitFor();
        const today = new Intl.DateTimeFormat("fr", { weekday: "long", day: "numeric", month: "long", year: "numeric" }).format(Date.now());
        assert.deepEqual(await page.locator(".timeline").getByRole("heading", { level: 2 }).allTextContents(), [today]);
    });
});

test("a slow line: older messages come, what is typed stays and goes", { timeout: 120_000 }, (t) =>
    inRoom(t, async ({ paul, room, page }) => {
        for (let i = 1; i <= 150; i++) await paul.send(room, `Lent ${i}.`);
        const cdp = await page.context().newCDPSession(page);
        await cdp.send("Network.enable");
        await cdp.send("Network.emulateNetworkConditions", { offline: false, latency: 800, downloadThroughput: 20_000, uploadThroughput: 8_000 });
        await page.getByRole("button", { name: /derniers messages/i }).click();
        await message(page, "Lent 150.").waitFor();
        await page.keyboard.press("Tab");
        await whole(page, () => message(page, "Bonjour").count());
        await messageBox(page).press("Enter");
        await message(page, typed).waitFor();
        await message(page, typed).getByText(/^Envoi en cours/).waitFor({ state: "detached" });
        await messageBox(page).fill(typed);
    }));
