// How the timeline scrolls on an old PC: 5,000 messages, the processor four times slower. Prints each figure beside its limit; exits
// non-zero where the number of elements misses it (times are marked: machines differ). Alone: `node scripts/measure-scroll.mjs`, after `make build`.
import test from "node:test";
import { openRoom } from "../e2e/client.mjs";
import { mouse } from "../e2e/hands.mjs";
import { foundTown } from "../e2e/town.mjs";

const messages = Number(process.env.MESSAGES ?? 5000);
const slower = 4;
const limits = { task: 50, script: 6, layout: 6, elements: 1500 };

test("scrolling", { timeout: 900_000 }, async (t) => {
    const town = await foundTown(t);
    const [jeanne, paul] = [await town.agent("Jeanne Martin"), await town.agent("Paul Durand")];
    const room = await jeanne.room("Conseil municipal", { preset: "public_chat" });
    await paul.join(room);
    await fill(room, [jeanne, paul]);
    const { page } = await town.enter(jeanne, { later: true });
    await openRoom({ page, ...mouse }, "Conseil municipal");
    await page.getByText(`Message ${messages} `).waitFor();
    await page.getByRole("region", { name: "Messages" }).hover();
    const cdp = await page.context().newCDPSession(page);
    await cdp.send("Emulation.setCPUThrottlingRate", { rate: slower });

    const loading = await traced(cdp, page, () => wheel(page, -1, async () => (await page.getByText("Vous avez créé ce salon.").count()) > 0));
    report("up, while older messages load", loading, false);
    report("down, all loaded", await traced(cdp, page, () => wheel(page, 1, () => page.evaluate(atBottom))), true);
    report("up, all loaded", await traced(cdp, page, () => wheel(page, -1, () => page.evaluate(() => document.querySelector(".timeline").scrollTop < 10))), true);
});

/** Messages of several lengths, by two people, several at a time. */
async function fill(room, agents) {
    const words = "La commission des finances a examiné le projet de budget et propose de le soumettre au conseil.".split(" ");
    let sent = 0;
    const sender = async (agent) => {
        while (sent < messages) {
            const n = ++sent;
            await agent.send(room, `Message ${n} ${words.slice(0, (n * 7) % words.length).join(" ")}${n % 9 === 0 ? `\n${words.join(" ")}`.repeat(3) : ""}`);
        }
    };
    await Promise.all(agents.map(sender));
}

/** Turns the wheel frame by frame until one is there. */
async function wheel(page, direction, there) {
    for (let turns = 0; turns < 6000; turns++) {
        await page.mouse.wheel(0, direction * 240);
        if (turns % 20 === 19 && (await there())) return;
    }
    throw new Error("the wheel does not get there");
}

function atBottom() {
    const box = document.querySelector(".timeline");
    return box.scrollHeight - box.scrollTop - box.clientHeight < 2;
}

/** What the renderer's main thread did meanwhile, in milliseconds. */
async function traced(cdp, page, body) {
    const events = [];
    cdp.on("Tracing.dataCollected", ({ value }) => events.push(...value));
    await cdp.send("Tracing.start", { transferMode: "ReportEvents", traceConfig: { includedCategories: ["devtools.timeline", "disabled-by-default-devtools.timeline", "toplevel", "blink.user_timing"] } });
    await body();
    const elements = await page.evaluate(() => document.querySelectorAll("*").length);
    const done = new Promise((resolve) => cdp.once("Tracing.tracingComplete", resolve));
    await cdp.send("Tracing.end");
    await done;
    cdp.removeAllListeners("Tracing.dataCollected");
    return { ...frames(events), elements };
}

const scripts = new Set(["FunctionCall", "EvaluateScript", "EventDispatch", "FireAnimationFrame", "RunMicrotasks", "TimerFire"]);
const layouts = new Set(["Layout", "UpdateLayoutTree", "PrePaint", "Paint", "Layerize", "Commit"]);

/** Per frame that did something: the time of outermost scripts, and of layout. */
function frames(events) {
    const thread = mainThread(events);
    const mine = events.filter(({ pid, tid, ph, dur }) => pid === thread.pid && tid === thread.tid && ph === "X" && dur !== undefined).sort((a, b) => a.ts - b.ts || b.dur - a.dur);
    const tasks = mine.filter(({ name }) => name === "RunTask" || name === "ThreadControllerImpl::RunTask").map(({ dur }) => dur / 1000);
    const begins = events.filter(({ pid, tid, name }) => pid === thread.pid && tid === thread.tid && name === "BeginMainThreadFrame").map(({ ts }) => ts).sort((a, b) => a - b);
    return {
        longest: tasks.reduce((most, one) => Math.max(most, one), 0),
        long: tasks.filter((one) => one > limits.task).length,
        frames: begins.length,
        script: median(perFrame(begins, outermost(mine, scripts, layouts))),
        layout: median(perFrame(begins, outermost(mine, layouts, new Set()))),
    };
}

function mainThread(events) {
    const counted = new Map();
    for (const { pid, tid, name } of events) if (name === "BeginMainThreadFrame") counted.set(`${pid} ${tid}`, (counted.get(`${pid} ${tid}`) ?? 0) + 1);
    const [pid, tid] = [...counted].sort(([, a], [, b]) => b - a)[0][0].split(" ").map(Number);
    return { pid, tid };
}

/** Slices of these names that are in no other of them; what is in `others` inside of them does not count. */
function outermost(sorted, names, others) {
    const found = [];
    let end = 0;
    for (const { name, ts, dur } of sorted) {
        if (names.has(name) && ts >= end) found.push({ ts, dur }), (end = ts + dur);
        else if (others.has(name) && ts < end) found.at(-1).dur -= dur;
    }
    return found;
}

function perFrame(begins, slices) {
    const sums = new Array(begins.length).fill(0);
    let i = 0;
    for (const { ts, dur } of slices) {
        while (i + 1 < begins.length && begins[i + 1] <= ts) i++;
        if (sums.length) sums[i] += dur / 1000;
    }
    return sums;
}

function median(numbers) {
    return numbers.sort((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? 0;
}

function report(what, { longest, long, frames, script, layout, elements }, counts) {
    const line = (name, value, limit, unit) => console.log(`scrolling ${messages} messages, ${what}: ${name} ${value.toFixed(1)}${unit} of ${limit}${unit}${value > limit ? " MISSED" : ""}`);
    line("longest task", longest, limits.task, " ms");
    console.log(`  (${long} tasks over it; ${frames} frames)`);
    if (counts) {
        line("script per frame, median", script, limits.script, " ms");
        line("layout per frame, median", layout, limits.layout, " ms");
    }
    line("elements on the page", elements, limits.elements, "");
    if (elements > limits.elements) process.exitCode = 1;
}
