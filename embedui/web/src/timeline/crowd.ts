import type { Notice } from "./notice";

export type CrowdKey = "joined" | "left" | "invited" | "declined" | "renamed" | "pictured";

export interface Crowd {
    key: CrowdKey;
    people: string[];
}

/** What many did, each kind once: who came, who left. */
export function crowds(notices: readonly Notice[]): Crowd[] {
    const people = new Map<CrowdKey, Set<string>>();
    for (const { key, who, whom } of notices) {
        const kind = key as CrowdKey;
        people.set(kind, (people.get(kind) ?? new Set()).add(whom ?? who));
    }
    return [...people].map(([key, ids]) => ({ key, people: [...ids] }));
}
