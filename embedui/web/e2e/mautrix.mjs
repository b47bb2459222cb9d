// A client of another make: mautrix-go with its own olm, the program of server/interop/mautrix, told what to do by lines of JSON.
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { temporary } from "./server.mjs";

const root = fileURLToPath(new URL("../../../", import.meta.url));
const longest = 30_000; // milliseconds until something is seen

/** Logs an agent in with it; the client ends with the test. */
export async function mautrix(t, { server, user, password }) {
    const binary = join(temporary(t), "mautrix");
    execFileSync("go", ["build", "-tags", "goolm", "-buildvcs=false", "-o", binary, "./server/interop/mautrix"], { cwd: root, env: { ...process.env, CGO_ENABLED: "0" } });
    const client = new Client(spawn(binary, { stdio: ["pipe", "pipe", "ignore"] }));
    t.after(() => client.end());
    await client.do("login", { url: server.origin, user, password, name: "mautrix" });
    return client;
}

class Client {
    #child;
    #last = 0;
    #waiting = new Map();

    constructor(child) {
        this.#child = child;
        createInterface(child.stdout).on("line", (line) => {
            const { id, result, error } = JSON.parse(line);
            const { resolve, reject } = this.#waiting.get(id);
            if (error) reject(new Error(error));
            else resolve(result);
        });
    }

    do(command, args) {
        const id = ++this.#last;
        const answer = new Promise((resolve, reject) => this.#waiting.set(id, { resolve, reject }));
        this.#child.stdin.write(`${JSON.stringify({ id, do: command, args })}\n`);
        return answer;
    }

    /** Waits until the client shows a message in a room for which `wanted` is true; gives it. */
    async sees(room, wanted) {
        const ended = AbortSignal.timeout(longest);
        for (let after = 0, seen = []; ; ) {
            const view = await Promise.race([this.do("view", { room, after }), once(ended, "abort").then(() => null)]);
            if (!view) throw new Error(`mautrix shows only ${JSON.stringify(seen)}`);
            seen = view.messages ?? [];
            after = view.changes;
            const found = seen.find(wanted);
            if (found) return found;
        }
    }

    /** What an event says, decrypted. */
    async content(room, event) {
        return this.do("content", { room, event });
    }

    async end() {
        const gone = once(this.#child, "exit");
        this.#child.stdin.end();
        await gone;
    }
}
