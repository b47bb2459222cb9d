import { expect, test } from "vitest";
import { editedContent, newContent } from "./content";
import { toHtml } from "./markdown";
import { called, pieces, readMentions } from "./mentions";

const paul = { text: "@Paul", id: "@paul:v.fr" };
const pauline = { text: "@Pauline Roy", id: "@pauline:v.fr" };
const all = { text: "@salon", id: "@room" };
const own = "@jeanne:v.fr";
const written = (text: string, ...mentions: { text: string; id: string }[]) => ({ text, mentions, own });

test("a text is cut at the mentions that are still in it", () => {
    expect(pieces("@Paul, @Pauline Roy et @Pauline", [paul, pauline])).toEqual([paul, ", ", pauline, " et @Pauline"]);
    expect(pieces("a@Paul @Pauls", [paul])).toEqual(["a@Paul @Pauls"]);
    expect(pieces("@P.(x)*", [{ text: "@P.(x)*", id: "@p:v" }])).toHaveLength(1);
});

test("oneself is not called, salons are not people", () => {
    const text = "@Paul @Jeanne #École @salon";
    expect(called(text, [paul, { text: "@Jeanne", id: own }, { text: "#École", id: "!e:v.fr" }, all], own)).toEqual({ user_ids: ["@paul:v.fr"], room: true });
    expect(called("rien", [paul], own)).toEqual({});
});

test.each([
    [{ user_ids: ["@a:b", 3] }, { user_ids: ["@a:b"] }],
    [{ user_ids: "@a:b", room: "yes" }, {}],
    [null, {}],
    [{ room: true }, { room: true }],
])("%j is read as %j", (value, expected) => {
    expect(readMentions(value)).toEqual(expected);
});

test("a plain message has its mentions, none", () => {
    expect(newContent(written("Bonjour"), {}, toHtml)).toEqual({ msgtype: "m.text", body: "Bonjour", "m.mentions": {} });
});

test("an answer calls who is answered, but not oneself", () => {
    const reply = { id: "$q", sender: "@marc:v.fr" };
    expect(newContent(written("Oui @Paul", paul), { reply }, toHtml)).toEqual({
        msgtype: "m.text",
        body: "Oui @Paul",
        format: "org.matrix.custom.html",
        formatted_body: 'Oui <a href="https://matrix.to/#/%40paul%3Av.fr">Paul</a>',
        "m.mentions": { user_ids: ["@paul:v.fr", "@marc:v.fr"] },
        "m.relates_to": { "m.in_reply_to": { event_id: "$q" } },
    });
    expect(newContent(written("Oui"), { reply: { id: "$q", sender: own } }, toHtml)["m.mentions"]).toEqual({});
});

test("in a thread, what others show as an answer is marked as such", () => {
    const thread = { root: "$r", last: "$l" };
    expect(newContent(written("Oui"), { thread }, toHtml)["m.relates_to"]).toEqual({
        rel_type: "m.thread", event_id: "$r", is_falling_back: true, "m.in_reply_to": { event_id: "$l" },
    });
    expect(newContent(written("Oui"), { thread, reply: { id: "$q", sender: own } }, toHtml)["m.relates_to"]).toEqual({
        rel_type: "m.thread", event_id: "$r", is_falling_back: false, "m.in_reply_to": { event_id: "$q" },
    });
});

test("an edit calls only who was not called before", () => {
    const content = editedContent(written("**Oui** @Paul @Pauline Roy", paul, pauline), "$m", { user_ids: ["@paul:v.fr"] }, toHtml);
    expect(content).toMatchObject({
        body: "* **Oui** @Paul @Pauline Roy",
        "m.mentions": { user_ids: ["@pauline:v.fr"] },
        "m.new_content": { body: "**Oui** @Paul @Pauline Roy", "m.mentions": { user_ids: ["@paul:v.fr", "@pauline:v.fr"] } },
        "m.relates_to": { rel_type: "m.replace", event_id: "$m" },
    });
});

test("/me", () => {
    expect(newContent(written("/me *sourit*"), {}, toHtml)).toMatchObject({ msgtype: "m.emote", body: "*sourit*", formatted_body: "<em>sourit</em>" });
});
