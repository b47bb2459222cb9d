// A Matrix client that is told what to do: each line on standard input is {"id", "do", "args"}, each line on standard output
// {"id", "result"} or {"id", "error"}. The commands are the methods of Client; ../mautrix takes the same.
import "./node20.mjs";
import readline from "node:readline";
import { Client } from "./client.mjs";

const client = new Client();

async function answer(line) {
    const { id, do: name, args } = JSON.parse(line);
    const reply = { id };
    try {
        if (!Client.commands.includes(name)) throw new Error(`no command ${name}`);
        reply.result = (await client[name](args ?? {})) ?? {};
    } catch (e) {
        reply.error = e?.stack ?? String(e);
    }
    process.stdout.write(JSON.stringify(reply) + "\n");
}

readline.createInterface({ input: process.stdin }).on("line", answer).on("close", () => process.exit(0));
