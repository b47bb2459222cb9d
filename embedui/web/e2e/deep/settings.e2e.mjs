// The settings: every page looked at; name, picture, password, devices, colours and size that stay.
import assert from "node:assert/strict";
import test from "node:test";
import { lookAll } from "../look.mjs";
import { foundTown } from "../town.mjs";

const button = (page, name) => page.getByRole("button", { name, exact: true });
const textbox = (page, name) => page.getByRole("textbox", { name, exact: true });
const png = Buffer.from("iVBORw0KGgoAAAANSUhEUgAAAAIAAAACCAIAAAD91JpzAAAAFUlEQVR42mP8z8BQz0AEYBxVSF+FABJADveWkH6oAAAAAElFTkSuQmCC", "base64");

test("the settings", { timeout: 170_000 }, async (t) => {
    const town = await foundTown(t);
    await town.explainFailure(async () => {
        const jeanne = await town.agent("Jeanne Martin");
        const j = await town.enter(jeanne);
        const { page } = j;
        const go = async (name) => {
            await page.getByRole("navigation", { name: "Réglages" }).getByRole("link", { name }).click();
            await page.getByRole("heading", { level: 2, name }).waitFor();
            assert.equal(await page.evaluate(() => document.activeElement.tagName), "H2", "the focus is on the page's title");
        };

        await button(page, "Compte").click();
        await button(page, "Réglages").click();
        await page.getByRole("heading", { level: 2, name: "Profil" }).waitFor();
        await textbox(page, "Nom").fill("Jeanne Martin-Duval");
        await button(page, "Enregistrer").click();
        await page.getByText("C’est enregistré.").waitFor();
        await page.locator("input[type=file]").setInputFiles({ name: "photo.png", mimeType: "image/png", buffer: png });
        await button(page, "Changer la photo").waitFor();
        await page.locator(".picture img").waitFor();
        await page.locator("input[type=file]").setInputFiles({ name: "x.png", mimeType: "image/png", buffer: Buffer.from("<svg xmlns='http://www.w3.org/2000/svg'><script/></svg>") });
        await page.getByText("Ce fichier n’est pas une photo").waitFor();
        const profile = await jeanne.request("GET", `profile/${encodeURIComponent(jeanne.id)}`);
        assert.equal(profile.displayname, "Jeanne Martin-Duval");
        assert.match(profile.avatar_url, /^mxc:/);
        await lookAll(page, "settings-profile");

        await go("Mot de passe");
        await textbox(page, "Mot de passe actuel").fill("pas le bon");
        await textbox(page, "Nouveau mot de passe").fill("court");
        await textbox(page, "Le même nouveau mot de passe, encore une fois").fill("autre");
        await button(page, "Changer le mot de passe").click();
        await page.getByText("Il a moins de 12 caractères.").waitFor();
        await lookAll(page, "settings-password");
        const next = "sept mots tous bien différents font ici";
        await textbox(page, "Nouveau mot de passe").fill(next);
        await textbox(page, "Le même nouveau mot de passe, encore une fois").fill(next);
        await button(page, "Changer le mot de passe").click();
        await page.getByText("Ce n’est pas votre mot de passe actuel.").waitFor();
        await textbox(page, "Mot de passe actuel").fill(jeanne.password);
        await button(page, "Changer le mot de passe").click();
        await page.getByText("Votre mot de passe est changé.").waitFor();

        for (let i = 0; i < 2; i++) {
            await jeanne.request("POST", "login", { type: "m.login.password", identifier: { type: "m.id.user", user: jeanne.user }, password: next, initial_device_display_name: `Téléphone ${i + 1}` });
        }
        await go("Appareils");
        await page.getByText("4 autres appareils").waitFor();
        await lookAll(page, "settings-devices");
        await button(page, "Renommer Téléphone 1").click();
        await textbox(page, "Nom de l’appareil").fill("Tablette du conseil");
        await button(page, "Enregistrer").click();
        await button(page, "Déconnecter Tablette du conseil").click();
        await textbox(page, "Mot de passe actuel").fill(jeanne.password);
        await page.getByRole("dialog").getByRole("button", { name: "Déconnecter" }).click();
        await page.getByText("Ce n’est pas votre mot de passe actuel.").waitFor();
        await lookAll(page, "settings-sign-out");
        await textbox(page, "Mot de passe actuel").fill(next);
        await page.getByRole("dialog").getByRole("button", { name: "Déconnecter" }).click();
        await page.getByText("3 autres appareils").waitFor();
        await button(page, "Déconnecter tous les autres appareils").click();
        await textbox(page, "Mot de passe actuel").fill(next);
        await page.getByRole("dialog").getByRole("button", { name: "Déconnecter" }).click();
        await page.getByText("Votre compte n’est connecté nulle part ailleurs.").waitFor();
        await assert.rejects(jeanne.request("GET", "account/whoami"), /M_UNKNOWN_TOKEN/);

        await go("Apparence");
        await page.getByRole("radio", { name: "Contraste élevé" }).check();
        await page.getByRole("radio", { name: "Très grande" }).check();
        const drawn = () => page.evaluate(() => [document.documentElement.dataset.theme, getComputedStyle(document.documentElement).fontSize]);
        assert.deepEqual(await drawn(), ["contrast", "24px"]);
        await lookAll(page, "settings-appearance");
        await page.reload();
        await page.getByRole("heading", { level: 2, name: "Apparence" }).waitFor();
        assert.deepEqual(await drawn(), ["contrast", "24px"]);
        await page.getByRole("radio", { name: "Comme l’ordinateur" }).check();
        await page.getByRole("radio", { name: "Normale" }).check();

        for (const name of ["Raccourcis clavier", "Accessibilité", "À propos"]) {
            await go(name);
            await lookAll(page, `settings-${name.at(0)}`);
        }
        await page.getByText(/^Beffroi /).waitFor();
        await page.setViewportSize({ width: 320, height: 640 });
        const wide = await page.evaluate(() => document.documentElement.scrollWidth);
        assert.ok(wide <= 320, `${wide} pixels wide`);
        await page.setViewportSize({ width: 1280, height: 800 });
        await go("Langue");
        await page.getByRole("radio", { name: "English" }).click();
        await page.getByRole("heading", { level: 2, name: "Language" }).waitFor();
    });
});

test("a name that the commune manages is shown, not asked", { timeout: 60_000 }, async (t) => {
    const town = await foundTown(t);
    await town.explainFailure(async () => {
        const j = await town.enter(await town.agent("Jeanne Martin"), { later: true });
        await j.page.getByRole("button", { name: "Compte", exact: true }).waitFor();
        await j.page.route(/\/capabilities$/, async (route) => {
            const response = await route.fetch();
            const { capabilities } = await response.json();
            await route.fulfill({ response, json: { capabilities: { ...capabilities, "m.set_displayname": { enabled: false }, "m.set_avatar_url": { enabled: false } } } });
        });
        await j.page.goto(`${town.server.origin}/reglages/profil`);
        await j.page.getByText("Votre nom est géré par votre commune.").waitFor();
        assert.equal(await j.page.getByRole("textbox", { name: "Nom" }).count(), 0);
        assert.equal(await j.page.locator("input[type=file]").count(), 0);
    });
});
