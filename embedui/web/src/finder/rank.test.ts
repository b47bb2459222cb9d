import { expect, test } from "vitest";
import { rank, type Entry } from "./rank";

function entry(label: string, detail = "", at = 0): Entry {
    return { key: label, kind: "room", label, detail, round: false, avatar: null, at };
}

const entries = [
    entry("Conseil municipal", "", 10), entry("École et cantine", "", 30), entry("Vœux du conseil", "", 20), entry("Paul Durand", "paul.durand"),
    entry("Déconseillé", "", 40), entry("P. Martin", "paule.martin"),
];

test.each([
    ["", ["Déconseillé", "École et cantine", "Vœux du conseil", "Conseil municipal", "P. Martin", "Paul Durand"]],
    ["conseil", ["Conseil municipal", "Vœux du conseil", "Déconseillé"]],
    ["ECOLE", ["École et cantine"]],
    ["voeux", ["Vœux du conseil"]],
    ["cantine école", ["École et cantine"]],
    ["paul", ["Paul Durand", "P. Martin"]],
    ["durand paul", ["Paul Durand"]],
    ["paul conseil", []],
    [".*", []],
])("%j finds %j", (typed, labels) => {
    expect(rank(entries, typed).map((one) => one.label)).toEqual(labels);
});
