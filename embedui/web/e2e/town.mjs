// A founded town hall without the wizard's pages, and agents who do by the API what a test needs to be there: the browser is for what the test is about.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { openBrowser } from "./browser.mjs";
import { keepCode, logIn } from "./client.mjs";
import { mouse } from "./hands.mjs";
import { register } from "./people.mjs";
import { secret, serve, temporary } from "./server.mjs";

const unseen = async () => {};

/**
 * A real server, founded, without limits on how often its agents ask unless `settings` (TOML, appended) says otherwise; `service` is the
 * registration of an application service (YAML).
 */
export async function foundTown(t, settings = "[limits]\nenabled = false\n", service = "") {
    const data = join(temporary(t), "data");
    mkdirSync(data, { mode: 0o700 });
    writeFileSync(join(data, "beffroi.toml"), `server_name = 'localhost'\n${service && "appservices = ['service.yaml']\n"}\n[registration]\nshared_secret = '${secret}'\n\n${settings}`, { mode: 0o600 });
    if (service) writeFileSync(join(data, "service.yaml"), service, { mode: 0o600 });
    const server = await serve(t, data, "--config", join(data, "beffroi.toml"));
    const servers = [server];
    const browser = await openBrowser(t, servers);
    return { server, servers, data, browser, explainFailure: browser.explainFailure, agent: (name, options) => makeAgent(server, name, options), enter: (agent, how) => enter(browser, server, agent, how) };
}

/** An account, logged in by the API. `user` of "Jeanne Martin" is jeanne.martin. */
async function makeAgent(server, name, { admin = false, password = `le mot de passe de ${name}` } = {}) {
    const user = name.toLowerCase().normalize("NFD").replace(/[^a-z ]/g, "").trim().replace(/ +/g, ".");
    await register(server.origin, user, password, { name, admin });
    return logInAgent(server, { name, user, password });
}

async function logInAgent(server, { name, user, password }) {
    const { access_token: token, user_id: id } = await request(server, "POST", "login", { type: "m.login.password", identifier: { type: "m.id.user", user }, password });
    return new Agent(server, { name, user, password, token, id });
}

async function request(server, method, path, body, token) {
    const response = await fetch(path.startsWith("/") ? server.origin + path : `${server.origin}/_matrix/client/v3/${path}`, {
        method,
        headers: { "Content-Type": "application/json", ...(token && { Authorization: `Bearer ${token}` }) },
        body: body && JSON.stringify(body),
    });
    const answer = await response.json();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${JSON.stringify(answer)}`);
    return answer;
}

/** Somebody at the API. Paths are below /_matrix/client/v3 unless they begin with a slash. */
class Agent {
    #sent = 0;

    constructor(server, person) {
        this.server = server;
        Object.assign(this, person);
    }

    request(method, path, body) {
        return request(this.server, method, path, body, this.token);
    }

    /** Makes a room (see POST /createRoom); gives its id. */
    async room(name, options = {}) {
        return (await this.request("POST", "createRoom", { name, preset: "private_chat", ...options })).room_id;
    }

    async join(room) {
        await this.request("POST", `join/${encodeURIComponent(room)}`, {});
    }

    /** Sends an event; gives its id. */
    async send(room, content, type = "m.room.message") {
        const body = typeof content === "string" ? { msgtype: "m.text", body: content } : content;
        return (await this.request("PUT", `rooms/${encodeURIComponent(room)}/send/${encodeURIComponent(type)}/${++this.#sent}`, body)).event_id;
    }

    async state(room, type, content, key = "") {
        return (await this.request("PUT", `rooms/${encodeURIComponent(room)}/state/${encodeURIComponent(type)}/${encodeURIComponent(key)}`, content)).event_id;
    }
}

/**
 * An agent's page, logged in through the log-in page, the first code made and kept. `hands` and `eyes` are browser.mjs's; `later` puts the code off;
 * `at` is the path that is opened.
 */
async function enter(browser, server, { name, user, password }, { hands = mouse, eyes = unseen, later = false, at = "/" } = {}) {
    const person = await browser.person({ name, user, password }, hands, eyes);
    if (later) await person.page.addInitScript(() => sessionStorage.setItem("beffroi.later", "yes"));
    await person.page.goto(server.origin + at);
    await logIn(person);
    if (!later) person.code = await keepCode(person);
    return person;
}
