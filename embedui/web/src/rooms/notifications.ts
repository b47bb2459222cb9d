import { ConditionKind, PushRuleActionName, PushRuleKind, TweakName, type IPushRule, type IPushRules, type MatrixClient } from "matrix-js-sdk";

/** How much a room calls: every message, only what mentions one, nothing. */
export type Level = "all" | "mentions" | "none";

export const levels: readonly Level[] = ["all", "mentions", "none"];

/** What the push rules say of a room. Spec: client-server API, "Push Rules": a rule of kind override goes before one of kind room. */
export function levelOf(rules: IPushRules | undefined, roomId: string): Level {
    const { override = [], room = [] } = rules?.global ?? {};
    if (override.some((rule) => rule.enabled && silences(rule, roomId))) return "none";
    const own = room.find((rule) => rule.rule_id === roomId && rule.enabled);
    return own && !notifies(own) ? "mentions" : "all";
}

/** Writes the rules of a room's level; the ones of the level before go. */
export async function setLevel(mx: MatrixClient, roomId: string, level: Level): Promise<void> {
    const { override = [], room = [] } = mx.pushRules?.global ?? {};
    if (level === "none") {
        const here = [{ kind: ConditionKind.EventMatch as const, key: "room_id", pattern: roomId }];
        await mx.addPushRule("global", PushRuleKind.Override, roomId, { conditions: here, actions: [] });
    } else {
        const actions = level === "all" ? [PushRuleActionName.Notify, { set_tweak: TweakName.Sound as const, value: "default" }] : [];
        await mx.addPushRule("global", PushRuleKind.RoomSpecific, roomId, { actions });
        for (const rule of override.filter((one) => silences(one, roomId))) await mx.deletePushRule("global", PushRuleKind.Override, rule.rule_id);
    }
    if (level === "none" && room.some((rule) => rule.rule_id === roomId)) await mx.deletePushRule("global", PushRuleKind.RoomSpecific, roomId);
}

function silences(rule: IPushRule, roomId: string): boolean {
    const [only, ...more] = rule.conditions ?? [];
    return !more.length && only?.kind === ConditionKind.EventMatch && only.key === "room_id" && only.pattern === roomId && !notifies(rule);
}

function notifies(rule: IPushRule): boolean {
    return rule.actions.includes(PushRuleActionName.Notify);
}
