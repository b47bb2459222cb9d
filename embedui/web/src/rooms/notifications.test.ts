import type { IPushRules, MatrixClient } from "matrix-js-sdk";
import { expect, test, vi } from "vitest";
import { levelOf, setLevel, type Level } from "./notifications";

const id = "!a:mairie.fr";

/** As the server keeps them: an array per kind. */
function fake(): { mx: MatrixClient; rules: { global: Record<string, object[]> } } {
    const rules = { global: { override: [], room: [] } as Record<string, { rule_id: string }[]> };
    const drop = (kind: string, rule: string): void => void (rules.global[kind] = rules.global[kind]!.filter((one) => one.rule_id !== rule));
    const mx = {
        pushRules: rules,
        addPushRule: vi.fn(async (_scope: string, kind: string, rule: string, body: object) => (drop(kind, rule), rules.global[kind]!.push({ rule_id: rule, enabled: true, ...body } as never))),
        deletePushRule: vi.fn(async (_scope: string, kind: string, rule: string) => drop(kind, rule)),
    };
    return { mx: mx as unknown as MatrixClient, rules };
}

test.each<[Level, Level]>([["none", "all"], ["none", "mentions"], ["mentions", "all"], ["mentions", "none"], ["all", "mentions"]])("from %s to %s: one rule says it", async (before, after) => {
    const { mx, rules } = fake();
    for (const level of [before, after]) {
        await setLevel(mx, id, level);
        expect(levelOf(rules as unknown as IPushRules, id)).toBe(level);
    }
    expect(Object.values(rules.global).flat()).toHaveLength(1);
});

test("without rules everything calls, and rules of other rooms or that are off say nothing", () => {
    expect(levelOf(undefined, id)).toBe("all");
    const off = { rule_id: id, enabled: false, actions: [] };
    const other = { rule_id: "!b", enabled: true, actions: [], conditions: [{ kind: "event_match", key: "room_id", pattern: "!b" }] };
    expect(levelOf({ global: { override: [other], room: [off] } } as unknown as IPushRules, id)).toBe("all");
});
