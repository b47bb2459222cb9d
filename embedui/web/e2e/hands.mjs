// Two ways of doing the same: with a mouse, or by keyboard alone.
import assert from "node:assert/strict";

const all = process.platform === "darwin" ? "Meta+A" : "Control+A";
const farthest = 80; // presses of Tab until something counts as out of reach

/** Clicks, and fills fields. */
export const mouse = {
    write: (locator, text) => locator.fill(text),
    press: (locator) => locator.click(),
};

/** Only events of the keyboard; on the way it sees that the focus is visible and never lost. */
export const keyboard = {
    async write(locator, text) {
        await reach(locator);
        await locator.page().keyboard.press(all);
        await locator.page().keyboard.type(text);
    },
    async press(locator) {
        await reach(locator);
        await locator.page().keyboard.press("Enter");
    },
};

async function reach(locator) {
    await locator.waitFor();
    const page = locator.page();
    await focused(page);
    for (let tabs = 0; !(await locator.evaluate((element) => element === document.activeElement)); tabs++) {
        assert.ok(tabs < farthest, `${locator} is not reached by keyboard`);
        await page.keyboard.press("Tab");
        const fault = await page.evaluate(focusFault);
        assert.equal(fault, null, `on the way to ${locator}`);
        if (await locator.evaluate(sameList)) await descend(locator);
    }
}

/** Tab leads into a list once; from there arrows do. */
async function descend(locator) {
    const { keyboard } = locator.page();
    await keyboard.press("Home");
    for (let rows = 0; !(await locator.evaluate((element) => element === document.activeElement)); rows++) {
        assert.ok(rows < farthest, `${locator} is not reached by arrows`);
        await keyboard.press("ArrowDown");
    }
}

/** In the page: the focus and the element are in the same list. */
function sameList(element) {
    return element.matches("[data-stop]") && document.activeElement.matches("[data-stop]") && element.closest("ul") === document.activeElement.closest("ul");
}

/** A page that has changed has put the focus somewhere, so that the next Tab does not begin at the top; a new document begins there. */
async function focused(page) {
    const fresh = await page.evaluate(() => !window.wasReached);
    await page.evaluate(() => (window.wasReached = true));
    if (!fresh) await page.waitForFunction(() => document.activeElement !== document.body, null, { timeout: 5000 });
}

/** In the page: what is wrong with the element that has the focus; null when it is seen. */
function focusFault() {
    const element = document.activeElement;
    if (element === document.body) return null; // between the last element and the first one the browser's own things have it
    const { outlineStyle, outlineWidth, boxShadow, clip } = getComputedStyle(element);
    const box = element.getBoundingClientRect();
    const what = element.outerHTML.slice(0, 200);
    if ((outlineStyle === "none" || parseFloat(outlineWidth) === 0) && boxShadow === "none") return `no focus ring: ${what}`;
    if (box.width < 2 || box.height < 2 || clip === "rect(0px, 0px, 0px, 0px)") return `too small to be seen: ${what}`;
    if (box.bottom <= 0 || box.right <= 0 || box.top >= innerHeight || box.left >= innerWidth) return `outside the window: ${what}`;
    return null;
}
