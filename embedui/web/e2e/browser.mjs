// Debian's Chromium, one for a test file, and one context for each person.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { chromium } from "playwright-core";
import { watchKeys } from "./keys.mjs";
import { look } from "./look.mjs";
import { outDir } from "./out.mjs";

const quiet = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update",
    "--disable-sync",
];

/** A browser that ends with the test. Where the test fails, pictures of its pages and the servers' logs stay, and it says where. */
export async function openBrowser(t, servers) {
    const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: quiet });
    t.after(() => browser.close());
    return {
        /** Somebody at a browser of their own, with hands to do things and see(state, heading) to look at what is there. */
        async person({ name, user, password }, hands, eyes = look) {
            const context = await browser.newContext({ locale: "fr-FR", reducedMotion: "reduce", viewport: { width: 1280, height: 800 } });
            context.setDefaultTimeout(20_000);
            const page = await context.newPage();
            page.on("pageerror", (error) => t.diagnostic(`${name}'s page: ${error.stack}`));
            const see = async (state, heading) => {
                if (heading) await page.getByRole("heading", { level: 1, name: heading }).waitFor();
                await eyes(page, state);
            };
            return { name, user, password, page, see, keys: watchKeys(page), ...hands };
        },
        /** Runs the test's body. */
        async explainFailure(body) {
            try {
                await body();
            } catch (error) {
                await leave(t, browser, servers);
                throw error;
            }
        },
    };
}

async function leave(t, browser, servers) {
    const pages = browser.contexts().flatMap((context) => context.pages());
    for (const [i, page] of pages.entries()) {
        const path = join(outDir, `failure-${i + 1}.png`);
        await page.screenshot({ path }).then(() => t.diagnostic(`the page ${page.url()} as it was: ${path}`), () => {});
    }
    for (const [i, server] of servers.entries()) {
        const path = join(outDir, `failure-server-${i + 1}.log`);
        writeFileSync(path, server.log);
        t.diagnostic(`what the server ${server.origin} logged: ${path}`);
    }
}
