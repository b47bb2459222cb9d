// Accounts beside the administrator's.
import { createHmac } from "node:crypto";
import { secret } from "./server.mjs";

/** The town hall's administrator, and an agent. */
export const jeanne = { name: "Jeanne Martin", user: "jeanne.martin", password: "le chat dort sous la table bleue" };
export const paul = { name: "Paul Durand", user: "paul.durand", password: "Belle-Matinee-2026!" };

/** Makes an account through the registration by shared secret. */
export async function register(origin, username, password, { name, admin = false } = {}) {
    const url = `${origin}/_synapse/admin/v1/register`;
    const { nonce } = await (await fetch(url)).json();
    const mac = createHmac("sha1", secret).update([nonce, username, password, admin ? "admin" : "notadmin"].join("\0")).digest("hex");
    const response = await fetch(url, { method: "POST", body: JSON.stringify({ nonce, username, password, displayname: name, admin, mac }) });
    if (!response.ok) throw new Error(`registration of ${username}: ${response.status} ${await response.text()}`);
}
