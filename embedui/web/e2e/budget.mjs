// How long people wait and how much memory it takes, each figure beside its limit: the median of five runs in Chromium, at 8 Mbit/s and 40 ms, against the
// real binary. Times are marked where they are missed, and end nothing: they depend on the machine. Sizes are scripts/budget.mjs's.
import test from "node:test";
import { foundTown } from "./town.mjs";

const runs = Number(process.env.BUDGET_RUNS ?? 5);
const line = { offline: false, latency: 40, downloadThroughput: 1e6, uploadThroughput: 1e6 }; // bytes a second

const median = (figures) => figures.toSorted((a, b) => a - b)[figures.length >> 1];

function print(what, figures, limit, unit) {
    const figure = median(figures);
    console.log(`${what}: ${figure.toFixed(2)} ${unit} of ${limit}${figure > limit ? " MISSED" : ""}  (${figures.map((f) => f.toFixed(2)).join(" ")})`);
}

/** A browser that has never been here, on the slow line. */
async function stranger(town, agent) {
    const person = await town.browser.person(agent, {}, async () => {});
    const cdp = await person.page.context().newCDPSession(person.page);
    await cdp.send("Network.enable");
    await cdp.send("Network.emulateNetworkConditions", line);
    await person.page.addInitScript(() => sessionStorage.setItem("beffroi.later", "yes")); // the code was put off: the rooms come first
    await person.page.addInitScript(watchWasm);
    return { ...person, cdp };
}

/** In the page: keeps the memory of each wasm module. */
function watchWasm() {
    window.wasmMemories = [];
    const keep = ({ instance, exports } = {}) => {
        for (const value of Object.values((instance ?? { exports }).exports ?? {})) if (value instanceof WebAssembly.Memory) window.wasmMemories.push(value);
    };
    for (const name of ["instantiate", "instantiateStreaming"]) {
        const made = WebAssembly[name];
        WebAssembly[name] = (...args) => made(...args).then((result) => (keep(result), result));
    }
}

const seconds = async (doing) => {
    const start = performance.now();
    await doing();
    return (performance.now() - start) / 1000;
};

const usable = (page) => page.getByRole("textbox", { name: "Identifiant" }).waitFor();
const timeline = (page) => page.getByRole("article").filter({ hasText: "Bonjour à tous" }).first().waitFor();

/** From nothing to the first timeline; `pause` is how long somebody takes to fill the log-in page. */
async function arrive(town, agent, at, pause) {
    const person = await stranger(town, agent);
    const { page, user, password } = person;
    const login = await seconds(async () => (await page.goto(at, { waitUntil: "commit" }), await usable(page)));
    await page.getByRole("textbox", { name: "Identifiant" }).fill(user);
    await page.getByRole("textbox", { name: "Mot de passe" }).fill(password);
    await new Promise((resolve) => setTimeout(resolve, pause));
    const first = await seconds(async () => (await page.getByRole("button", { name: "Se connecter" }).click(), await timeline(page)));
    return { ...person, login, first };
}

async function heap({ page, cdp }) {
    await cdp.send("Performance.enable");
    for (let i = 0; i < 3; i++) await cdp.send("HeapProfiler.collectGarbage");
    const { metrics } = await cdp.send("Performance.getMetrics");
    const wasm = await page.evaluate(() => window.wasmMemories.reduce((sum, memory) => sum + memory.buffer.byteLength, 0));
    return { js: metrics.find(({ name }) => name === "JSHeapUsedSize").value / 1e6, wasm: wasm / 1e6 };
}

test("times and memory", { timeout: 600_000 }, async (t) => {
    const town = await foundTown(t);
    const jeanne = await town.agent("Jeanne Martin");
    const room = await jeanne.room("Conseil municipal");
    await jeanne.send(room, "Bonjour à tous");
    const at = `${town.server.origin}/salon/${encodeURIComponent(room)}`;

    const [waited, atOnce] = [[], []];
    for (let i = 0; i < runs; i++) {
        const slow = await arrive(town, jeanne, at, 3000);
        waited.push({ ...slow, reload: await seconds(async () => (await slow.page.reload({ waitUntil: "commit" }), await timeline(slow.page))) });
        await slow.page.context().close();
        const quick = await arrive(town, jeanne, at, 0);
        atOnce.push(quick);
        await quick.page.context().close();
    }
    print("log-in usable", [...waited, ...atOnce].map(({ login }) => login), 1.2, "s");
    print("“Se connecter” after 3 s to the first timeline", waited.map(({ first }) => first), 2, "s");
    print("“Se connecter” at once to the first timeline", atOnce.map(({ first }) => first), 4, "s");
    print("warm reload", waited.map(({ reload }) => reload), 1, "s");

    await manyRooms(town, jeanne, room);
    const memories = [];
    for (let i = 0; i < Math.min(runs, 3); i++) {
        const person = await arrive(town, jeanne, at, 3000);
        await person.page.getByText("Salon 99").first().waitFor({ state: "attached" }).catch(() => {});
        memories.push(await heap(person));
        await person.page.context().close();
    }
    print("JSHeapUsedSize with 100 rooms", memories.map(({ js }) => js), 40, "MB");
    console.log(`wasm memory beside it: ${median(memories.map(({ wasm }) => wasm)).toFixed(1)} MB`);
});

/** A hundred rooms in all, of ten people, with twenty messages each. */
async function manyRooms(town, jeanne, first) {
    const others = [];
    for (let i = 0; i < 9; i++) others.push(await town.agent(`Agent ${"abcdefghi"[i]}`));
    for (let i = 1; i < 100; i++) {
        const room = await jeanne.room(`Salon ${i}`, { preset: "public_chat" });
        for (const other of others) await other.join(room);
        for (let n = 0; n < 20; n++) await others[n % 9].send(room, `Message ${n} du salon ${i} : la délibération est en ligne.`);
    }
    await jeanne.send(first, "Bonjour à tous");
}
