// The installation, page by page.
const keyPattern = /AGE-SECRET-KEY-1[A-Z0-9]{58}/;

/** The pages before the sheet: what their headings say, and what is answered. */
const pages = [
    { state: "wizard-2-commune", heading: "Quelle est votre commune ?", answers: () => ({ "Nom de la commune": "Saint-Aubin" }) },
    { state: "wizard-3-address", heading: "Quelle sera l’adresse de la commune ?", answers: () => ({ "Adresse de la commune": "localhost" }) },
    { state: "wizard-4-admin", heading: "Qui administre la messagerie ?", answers: (admin) => ({ "Prénom et nom": admin.name }) },
    {
        state: "wizard-5-account", heading: "Choisissez votre mot de passe",
        answers: ({ user, password }) => ({ Identifiant: user, "Mot de passe": password, "Le même mot de passe, encore une fois": password }),
    },
];

/** Plays the installation from the address that the server printed to the link to the messages. Gives the key that opens backups. */
export async function install(person, address) {
    const { page, press, see } = person;
    const url = new URL(address);
    const token = url.searchParams.get("jeton");
    await page.goto(url.origin + url.pathname);
    await see("wizard-1-token", "Entrez le jeton d’installation");
    await answer(person, { "Jeton d’installation": token }, "Commencer l’installation");
    for (const { state, heading, answers } of pages) {
        await see(state, heading);
        await answer(person, answers(person), "Continuer");
    }
    const key = await keepSheet(person);
    await see("wizard-7-end", "La messagerie de la commune est prête");
    await press(page.getByRole("link", { name: "Ouvrir la messagerie" }));
    return key;
}

async function answer({ page, write, press }, answers, button) {
    for (const [name, text] of Object.entries(answers)) await write(page.getByRole("textbox", { name, exact: true }), text);
    await press(page.getByRole("button", { name: button }));
}

/** Types back what the sheet asks for; first a wrong group, which is told. */
async function keepSheet(person) {
    const { page, see } = person;
    await see("wizard-6-sheet", "Imprimez la fiche de récupération");
    const [key] = (await page.locator("main").textContent()).match(keyPattern);
    await answer(person, await groups(page, () => "AAAAAA"), "Terminer l’installation");
    await page.getByRole("alert").waitFor();
    await see("wizard-6-sheet-wrong", "Imprimez la fiche de récupération");
    const printed = await page.locator(".groups li").allTextContents();
    await answer(person, await groups(page, (number) => printed[number - 1]), "Terminer l’installation");
    return key;
}

/** The answers for the groups that the page asks for. */
async function groups(page, text) {
    const names = (await page.getByLabel(/^Groupe \d+ de la clé$/).evaluateAll((fields) => fields.map((field) => field.labels[0].textContent)));
    return Object.fromEntries(names.map((name) => [name, text(Number(name.match(/\d+/)[0]))]));
}
