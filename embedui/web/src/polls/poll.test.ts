import { expect, test } from "vitest";
import { newPoll, readPoll, tally, vote, type Poll } from "./poll";

const poll: Poll = { question: "Quel jour ?", answers: [{ id: "a", text: "Lundi" }, { id: "b", text: "Mardi" }], secret: false, max: 1 };

test("what is written is read", () => {
    expect(readPoll(newPoll(poll) as never)).toEqual(poll);
    expect(readPoll(newPoll({ ...poll, secret: true, max: 2 }) as never)).toMatchObject({ secret: true, max: 2 });
});

test("the names to come are read too", () => {
    const content = { "m.poll": { question: { "m.text": [{ body: "Quel jour ?" }] }, kind: "m.disclosed", answers: [{ "m.id": "a", "m.text": [{ body: "Lundi" }] }] } };
    expect(readPoll(content)).toEqual({ ...poll, answers: [poll.answers[0]] });
});

test.each([{}, { "m.poll.start": null }, { "m.poll.start": { question: { body: 3 }, answers: [] } }, { "m.poll.start": { question: { body: "?" }, answers: "x" } }, { "m.poll.start": { question: { body: "?" }, answers: [3, null] } }])("%j is no poll", (content) => {
    expect(readPoll(content as never)).toBeNull();
});

const voted = (sender: string, at: number, ...answers: string[]) => ({ sender, at, content: vote("$p", answers) as Record<string, unknown> });

test("the last vote of each counts, what isn't an answer doesn't", () => {
    const counts = tally(poll, [voted("@1", 2, "b"), voted("@1", 1, "a"), voted("@2", 1, "a", "b"), voted("@3", 1, "x"), { sender: "@4", at: 1, content: {} }, voted("@5", 1, "a"), voted("@5", 2)]);
    expect([...counts]).toEqual([["a", ["@2"]], ["b", ["@1"]]]);
    expect(tally({ ...poll, max: 2 }, [voted("@2", 1, "a", "b", "a")]).get("b")).toEqual(["@2"]);
});
