import { expect, test } from "vitest";
import { languages, preferredLanguage } from ".";
import * as en from "./en/first";
import * as enRest from "./en/rest";
import * as fr from "./fr/first";
import * as frRest from "./fr/rest";

type Tree = { [key: string]: string | Tree };

function texts(tree: Tree, path = ""): [string, string][] {
    return Object.entries(tree).flatMap(([key, value]) => (typeof value === "string" ? [[path + key, value]] : texts(value, `${path}${key}.`)) as [string, string][]);
}

const catalogues: Record<keyof typeof languages, Tree> = { fr: { ...fr.first, ...frRest.rest }, en: { ...en.first, ...enRest.rest } };
const french = new Map(texts(catalogues.fr));
const values = (text: string): string[] => (text.match(/\{\{\w+\}\}/g) ?? []).sort();
const plural = /_(zero|one|two|few|many|other)$/;

test.each(Object.entries(catalogues))("the catalogue %s has every text of the French one, none empty, none more", (_language, catalogue) => {
    const all = texts(catalogue);
    expect(all.map(([key]) => key)).toEqual([...french.keys()]);
    expect(all.filter(([, text]) => !text.trim())).toEqual([]);
});

test.each(Object.entries(catalogues))("each text of %s uses the values that the French one has", (_language, catalogue) => {
    for (const [key, text] of texts(catalogue)) {
        const own = key.endsWith("_one") ? values(french.get(key)!).filter((v) => v !== "{{count}}") : values(french.get(key)!);
        expect(key.endsWith("_one") ? values(text).filter((v) => v !== "{{count}}") : values(text), key).toEqual(own);
    }
});

test.each(Object.keys(catalogues))("every plural of %s has the forms that the language has", (language) => {
    const keys = texts(catalogues[language as keyof typeof languages]).map(([key]) => key);
    const needed = new Intl.PluralRules(language).resolvedOptions().pluralCategories;
    for (const key of keys.filter((k) => plural.test(k))) {
        for (const form of needed) expect(keys).toContain(key.replace(plural, `_${form}`));
    }
});

test("each section of texts is of one file", () => {
    const files = import.meta.glob<Record<string, Tree>>(["./fr/*.ts", "!./fr/rest.ts"], { eager: true });
    const sections = Object.values(files).flatMap((module) => Object.values(module).flatMap(Object.keys));
    expect(sections).toEqual([...new Set(sections)]);
});

test("French has the spaces that keep its marks on their line", () => {
    const loose = [...french].filter(([, text]) => / [:;?!»]|« /.test(text));
    expect(loose).toEqual([]);
});

test("what stands before the log-in uses only the texts that it loads", () => {
    const files = import.meta.glob<string>(["../login/*.tsx", "../login/*.ts", "../*.tsx", "../ui/{Bell,LanguageChoice,OpeningPage,TextInput}.tsx"], { query: "?raw", import: "default", eager: true });
    const used = Object.values(files).flatMap((text) => [...text.matchAll(/\bt\(\s*["`](\w+)\./g)].map((match) => match[1]!));
    expect(used).toContain("login");
    expect(used.filter((section) => !(section in fr.first))).toEqual([]);
});

test("no text says what people never hear (USERS.md)", () => {
    const forbidden = /\b(homeserver|fédération|cross-signing|room ID|device ID|token)\b/i;
    expect([...french].filter(([, text]) => forbidden.test(text))).toEqual([]);
});

test.each([
    [null, ["fr-FR", "en"], "fr"],
    [null, ["en-GB", "fr"], "en"],
    [null, ["de-DE", "es"], "fr"],
    ["en", ["fr-FR"], "en"],
])("chosen %s, the browser wants %s: %s", (chosen, wanted, language) => {
    expect(preferredLanguage(chosen, wanted)).toBe(language);
});
