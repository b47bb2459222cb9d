// What a page costs.
import http from "node:http";

/** Bytes, as gzip, of all scripts that an origin's log-in page brings until it works; what it fetches ahead in idle moments is put off. */
export async function loginScripts(page, origin) {
    const scripts = [];
    page.on("request", (request) => request.resourceType() === "script" && scripts.push(request.url()));
    await page.addInitScript(() => (window.requestIdleCallback = () => 0));
    await page.goto(origin);
    await page.getByRole("textbox", { name: "Identifiant" }).waitFor();
    const sizes = await Promise.all(scripts.map(transferred));
    return sizes.reduce((sum, size) => sum + size, 0);
}

function transferred(url) {
    return new Promise((resolve, reject) => {
        http.get(url, { headers: { "Accept-Encoding": "gzip" } }, (response) => {
            let bytes = 0;
            response.on("data", (chunk) => (bytes += chunk.length));
            response.on("end", () => resolve(bytes));
        }).on("error", reject);
    });
}
