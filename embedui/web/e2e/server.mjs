// The real binary, as people run it: `make build` made it, the web client is in it.
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const binary = process.env.BEFFROI ?? fileURLToPath(new URL("../../../beffroi", import.meta.url));

/** The key of the registration by shared secret: people other than the administrator are made with it. */
export const secret = "a secret of the browser tests";

// Only what a test says counts, not what the machine's own environment configures.
const environment = {
    ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("BEFFROI"))),
    BEFFROI_REGISTRATION_SHARED_SECRET: secret,
};

/** A folder that goes when the test ends. */
export function temporary(t) {
    const dir = mkdtempSync(join(tmpdir(), "beffroi-e2e-"));
    t.after(() => rmSync(dir, { recursive: true, force: true }));
    return dir;
}

/** Runs a command of beffroi until it ends; gives what it printed, fails with what it complained of. */
export async function beffroi(...args) {
    return (await promisify(execFile)(binary, args, { env: environment })).stdout;
}

/** Starts `beffroi serve` on a data folder; it listens when this returns, and ends with the test. */
export async function serve(t, data, ...args) {
    const child = spawn(binary, ["serve", "--data", data, "--listen", "127.0.0.1:0", ...args], { env: environment });
    const server = { child, data, printed: "", log: "", stop: () => stop(child) };
    t.after(server.stop);
    await started(server);
    return server;
}

async function started(server) {
    const { child } = server;
    child.stdout.on("data", (text) => (server.printed += text));
    const lines = createInterface(child.stderr);
    lines.on("line", (line) => (server.log += line + "\n"));
    const listening = new Promise((resolve) => {
        lines.on("line", (line) => {
            const said = JSON.parse(line.startsWith("{") ? line : "{}");
            if (said.message === "listening") resolve(said.address);
        });
    });
    const ended = once(child, "exit").then(([code]) => Promise.reject(new Error(`beffroi serve ended with ${code}:\n${server.log}`)));
    server.origin = `http://localhost:${(await Promise.race([listening, ended])).split(":").at(-1)}`;
    ended.catch(() => {}); // from here on it ends when it is told to
}

async function stop(child) {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, "exit");
    child.kill("SIGTERM");
    await gone;
}

/** The address with the token that a server without an owner printed. */
export async function setupAddress(server) {
    const address = () => server.printed.match(/http:\/\/localhost\S+\/installation\?jeton=\S+/)?.[0];
    while (!address()) await once(server.child.stdout, "data");
    return address();
}

/** What a server holds of the machine's memory, in MB: all of it, and what is its alone. */
export function memory(server) {
    const status = readFileSync(`/proc/${server.child.pid}/status`, "utf8");
    const megabytes = (name) => (Number(status.match(new RegExp(`${name}:\\s+(\\d+) kB`))[1]) / 1024).toFixed(1);
    return { resident: megabytes("VmRSS"), own: megabytes("RssAnon") };
}

/** Bytes of the binary. */
export const binarySize = () => readFileSync(binary).length;
