// Prints how much JavaScript each step of the client loads, and fails where it is too much. Sizes are gzip -9, in bytes.
import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";

const dist = new URL("../../dist/", import.meta.url);
const manifest = JSON.parse(readFileSync(new URL(".vite/manifest.json", dist), "utf8"));

/** Everything a module brings by static imports, itself included. */
function closure(name, seen = new Set()) {
    if (seen.has(name)) return seen;
    seen.add(name);
    for (const next of manifest[name].imports ?? []) closure(next, seen);
    return seen;
}

const size = (file) => gzipSync(readFileSync(new URL(file, dist)), { level: 9 }).length;
const total = (names) => [...names].reduce((sum, name) => sum + (manifest[name].file.endsWith(".js") ? size(manifest[name].file) : 0), 0);

/** The larger of a text's languages. */
const texts = (name) => ["fr", "en"].map((language) => closure(`src/i18n/${language}/${name}.ts`)).sort((a, b) => total(b) - total(a))[0];

const crypto = Object.keys(manifest).find((name) => name.endsWith("/lib/rust-crypto/index.js"));
const login = new Set([...closure("index.html"), ...texts("first")]);
const first = new Set([...login, ...texts("rest"), ...closure("src/app/App.tsx"), ...closure(crypto)]);

/** What comes only when somebody wants it: the module that is asked for, and what it brings that isn't there yet. */
const lazy = Object.keys(manifest)
    .filter((name) => manifest[name].isDynamicEntry && !first.has(name) && !name.startsWith("src/i18n/"))
    .map((name) => ({ what: `of the lazy part ${name}`, names: [...closure(name)].filter((part) => !first.has(part)), limit: lazyLimit(name) }));

function lazyLimit(name) {
    return /emoji/i.test(name) ? 90_000 : 60_000;
}

const steps = [
    { what: "before log-in works", names: login, limit: 100_000 },
    { what: "until the first timeline", names: first, limit: 480_000 },
    ...lazy,
];
for (const { what, names, limit } of steps) {
    const bytes = total(names);
    const missed = bytes > limit;
    console.log(`JavaScript ${what}: ${bytes} bytes gzip of ${limit}${missed ? " MISSED" : ""}`);
    if (missed) process.exitCode = 1;
}
if (process.exitCode) console.error("the budget is exceeded: load what is not needed there later (import()), or do without");
