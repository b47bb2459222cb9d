import { expect, test } from "vitest";
import { best, folded, triggerAt, type Candidate } from "./completion";

test.each([
    ["@", { sign: "@", query: "", from: 0 }],
    ["Bonjour @pau", { sign: "@", query: "pau", from: 8 }],
    ["@Paul Du", { sign: "@", query: "Paul Du", from: 0 }],
    ["(@él", { sign: "@", query: "él", from: 1 }],
    ["voir #cons", { sign: "#", query: "cons", from: 5 }],
    ["ok :sou", { sign: ":", query: "sou", from: 3 }],
    ["a@b", null],
    ["prix : 5", null],
    ["10:30", null],
    [":s", null],
    [":-)", null],
    ["@ paul", null],
    ["@Paul  et", null],
    ["ligne\n@pa", { sign: "@", query: "pa", from: 6 }],
    ["@pa\nsuite", null],
])("%j", (text, trigger) => {
    expect(triggerAt(text, text.length)).toEqual(trigger);
});

const named = (shown: string): Candidate => ({ key: shown, shown, words: folded(shown), text: shown });

test("found without accents, beginnings first, each word counts", () => {
    const people = ["Marie-Hélène Élan", "Hélène Roux", "Paul Hel", "Zoé d’Arc"].map(named);
    expect(best(people, "hel").map(({ shown }) => shown)).toEqual(["Hélène Roux", "Paul Hel"]);
    expect(best(people, "HÉLÈNE R").map(({ shown }) => shown)).toEqual(["Hélène Roux"]);
    expect(best(people, "d'a").map(({ shown }) => shown)).toEqual(["Zoé d’Arc"]);
    expect(best(people, "")).toHaveLength(4);
    expect(best(people, "x")).toEqual([]);
});
