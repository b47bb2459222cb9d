// What is looked at on every page and in every state: by axe-core, and, in pictures, by people.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { outDir } from "./out.mjs";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const rules = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"];
const widths = [1280, 390];
const light = { name: "light", media: { colorScheme: "light", contrast: "no-preference" } };
const dark = { name: "dark", media: { colorScheme: "dark", contrast: "no-preference" } };
const contrast = { name: "contrast", media: { colorScheme: "light", contrast: "more" } };

/** Light and dark, wide and narrow: axe-core finds nothing; a picture of each stays as NAME-WIDTH-SCHEME.png. */
export const look = (page, name) => lookAt(page, name, [light, dark]);

/** In high contrast too: for the tests that have time. */
export const lookAll = (page, name) => lookAt(page, name, [light, dark, contrast]);

async function lookAt(page, name, schemes) {
    const before = page.viewportSize();
    for (const width of widths) {
        await page.setViewportSize({ width, height: before.height });
        for (const scheme of schemes) {
            await page.emulateMedia(scheme.media);
            await page.screenshot({ path: join(outDir, `${name}-${width}-${scheme.name}.png`) });
            assert.deepEqual(await violations(page), [], `axe-core on ${name}, ${width} wide, ${scheme.name}`);
        }
    }
    await page.emulateMedia(light.media);
    await page.setViewportSize(before);
}

async function violations(page) {
    if (!(await page.evaluate("typeof axe === 'object'"))) await page.evaluate(axe);
    const found = await page.evaluate((values) => window.axe.run(document, { runOnly: { type: "tag", values } }), rules);
    assert.ok(found.passes.length > 5, "axe-core looked at nothing");
    return found.violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => `${node.html} (${node.failureSummary})`).join("; ")}`);
}
