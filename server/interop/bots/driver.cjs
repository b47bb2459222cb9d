// A bot and a small bridge, made with matrix-bot-sdk as others make theirs, and told what to do: each line on standard input is {"id", "do", "args"}, each
// line on standard output {"id", "result"} or {"id", "error"}.
const Module = require("node:module");
const fs = require("node:fs");
const readline = require("node:readline");

// Encryption is not used here, and its native library is not installed.
const load = Module._load;
Module._load = (name, ...rest) => (name === "@matrix-org/matrix-sdk-crypto-nodejs" ? {} : load(name, ...rest));

const { Appservice, AutojoinRoomsMixin, LogLevel, LogService, MatrixClient, MemoryStorageProvider, SimpleFsStorageProvider } = require("matrix-bot-sdk");

LogService.setLogger({ info() {}, warn: console.warn, error: console.error, debug() {}, trace() {} });
LogService.setLevel(LogLevel.WARN);

let bridge;
let bot;
let folder;
let written = () => {};

function write(file, line) {
    fs.appendFileSync(`${folder}/${file}`, line + "\n");
    written();
}

const commands = {
    // A bot that comes when it is invited and answers "!ping".
    async bot({ url, token }) {
        bot = new MatrixClient(url, token, new MemoryStorageProvider());
        AutojoinRoomsMixin.setupOnClient(bot);
        bot.on("room.message", async (roomId, event) => {
            if (event.content?.body === "!ping") await bot.sendNotice(roomId, "pong");
        });
        await bot.start();
        return bot.getUserId();
    },

    // A bridge that writes each message of a room that it gets into a file, a line each; that has every user and room that somebody asks for.
    async bridge({ url, serverName, port, registration, folder: mine }) {
        folder = mine;
        bridge = new Appservice({
            homeserverUrl: url,
            homeserverName: serverName,
            port,
            bindAddress: "127.0.0.1",
            registration,
            storage: new SimpleFsStorageProvider(`${folder}/storage.json`),
        });
        bridge.on("room.message", (roomId, event) => {
            if (bridge.isNamespacedUser(event.sender)) return;
            write("messages", event.content.body);
        });
        bridge.on("room.invite", async (roomId, event) => {
            if (bridge.isNamespacedUser(event.state_key)) await bridge.getIntentForUserId(event.state_key).joinRoom(roomId);
        });
        bridge.on("query.user", (userId, create) => create({ display_name: `SMS ${bridge.getSuffixForUserId(userId)}` }));
        bridge.on("query.room", (alias, create) => create({ preset: "public_chat", name: `Network of ${alias}`, power_level_content_override: { invite: 0 } }));
        bridge.on("ephemeral.event", (event) => {
            if (event.type === "m.typing") write("typing", event.content.user_ids.join(","));
        });
        await bridge.begin();
    },

    // Waits until a file has lines.
    async wait({ file, lines }) {
        const name = `${folder}/${file}`;
        const has = () => fs.existsSync(name) && fs.readFileSync(name, "utf8").split("\n").length > lines;
        while (!has()) await new Promise((resolve) => (written = resolve));
    },

    async ghostSays({ suffix, room, text }) {
        const intent = bridge.getIntentForSuffix(suffix);
        await intent.ensureRegisteredAndJoined(room);
        return intent.sendText(room, text);
    },

    async ghostRooms({ suffix }) {
        return bridge.getIntentForSuffix(suffix).getJoinedRooms();
    },

    // Takes no more transactions; what was begun is finished.
    async stop() {
        bridge.stop();
        await new Promise((resolve) => bridge.appServer.on("close", resolve));
    },
};

async function answer(line) {
    const { id, do: name, args } = JSON.parse(line);
    const reply = { id };
    try {
        reply.result = (await commands[name](args ?? {})) ?? {};
    } catch (e) {
        reply.error = (e?.body ? JSON.stringify(e.body) : "") + (e?.stack ?? String(e));
    }
    process.stdout.write(JSON.stringify(reply) + "\n");
}

readline
    .createInterface({ input: process.stdin })
    .on("line", answer)
    .on("close", () => process.exit(0));
