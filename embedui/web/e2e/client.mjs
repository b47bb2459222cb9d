// What people do in the web client.
const heading = (page, name) => page.getByRole("heading", { level: 1, name });
const textbox = (page, name) => page.getByRole("textbox", { name, exact: true });
const button = (page, name) => page.getByRole("button", { name, exact: true });

export const messageBox = (page) => page.getByRole("textbox", { name: /^Écrire à/ });

/** A message that is there to be read. */
export const message = (page, text) => page.getByRole("article").filter({ hasText: text });

/** Fills the log-in page, which is open. */
export async function logIn({ page, write, press, see, user, password }) {
    await see("login", "Se connecter");
    await write(textbox(page, "Identifiant"), user);
    await write(textbox(page, "Mot de passe"), password);
    await press(button(page, "Se connecter"));
}

/** A wrong password is told. */
export async function logInWrongly(person) {
    const { page, see } = person;
    await logIn({ ...person, password: "not the password" });
    await page.getByRole("alert").getByText("n’est pas le bon").waitFor();
    await see("login-wrong", "Se connecter");
}

/** The first log-in's code: shown, kept, typed back. Gives it. */
export async function keepCode({ page, write, press, see }) {
    await see("code-shown", "Votre code de récupération");
    const parts = await page.locator("[data-code] b").allTextContents();
    await press(button(page, "J’ai gardé mon code"));
    await see("code-typed-back", "Vérifions votre code");
    for (const name of await page.getByLabel(/^Groupe \d+$/).evaluateAll((fields) => fields.map((field) => field.labels[0].textContent))) {
        await write(textbox(page, name), parts[Number(name.match(/\d+/)[0]) - 1]);
    }
    await press(button(page, "Terminer"));
    await see("home", /^Bienvenue/);
    return parts.join(" ");
}

/** A later device's code. */
export async function enterCode({ page, write, press, see }, code) {
    await see("code-asked", "Confirmer cet appareil");
    await write(textbox(page, "Code de récupération"), code);
    await press(button(page, "Confirmer"));
    await heading(page, /^Bienvenue/).waitFor();
}

/** Opens a conversation with somebody, who is invited by that. */
export async function converse({ page, write, press, see }, other) {
    await press(button(page, "Nouvelle conversation"));
    await see("conversation-new");
    await write(textbox(page, "Identifiant de la personne"), other.user);
    await press(button(page, "Ouvrir la conversation"));
    await messageBox(page).waitFor();
    await see("conversation-empty");
}

/** Makes a salon and invites somebody there. */
export async function makeSalon({ page, write, press, see }, name, other) {
    await press(button(page, "Nouveau salon"));
    await see("salon-new");
    await write(textbox(page, "Nom du salon"), name);
    await press(button(page, "Créer le salon"));
    await heading(page, name).waitFor();
    await press(button(page, "Inviter"));
    await see("salon-invite");
    await write(textbox(page, "Identifiant de la personne"), other.user);
    await press(page.getByRole("dialog").getByRole("button", { name: "Inviter", exact: true }));
    await page.getByText(/^Vous avez invité/).waitFor();
    await press(button(page, "Détails"));
    await page.getByRole("heading", { name: /^Détails de/ }).waitFor();
    await see("salon-details");
}

/** Accepts the one invitation there is, to a room of this name. */
export async function accept({ page, press, see }, name) {
    await button(page, "Rejoindre").waitFor();
    await see("invitation");
    await press(button(page, "Rejoindre"));
    await heading(page, name).waitFor();
    await messageBox(page).waitFor();
}

/** Opens the room of this name from the list. */
export async function openRoom({ page, press }, name) {
    await press(page.getByRole("navigation", { name: "Conversations et salons" }).getByRole("link", { name }));
    await messageBox(page).waitFor();
}

/** Sends a message; it is there, and so is the answer to whether it went: none that it did not. */
export async function send({ page, write }, text) {
    await write(messageBox(page), text);
    await page.keyboard.press("Enter");
    await message(page, text).waitFor();
}

/** The account's dialog, and out. */
export async function logOut({ page, press, see }) {
    await press(button(page, "Compte"));
    await see("account");
    await press(button(page, "Se déconnecter"));
    await page.getByRole("dialog", { name: "Se déconnecter" }).waitFor();
    await see("logout");
    await press(button(page, "Se déconnecter"));
    await heading(page, "Se connecter").waitFor();
}
