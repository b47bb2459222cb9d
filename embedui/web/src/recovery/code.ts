// The recovery code: groups of four characters (Spec: appendices, "Cryptographic key representation").

export function groups(code: string): string[] {
    return code.trim().split(/\s+/);
}

/** Which two groups are asked back: never the first, which one remembers, and in the order they are written. */
export function askedGroups(count: number, random = Math.random): [number, number] {
    const first = 1 + Math.floor(random() * (count - 2));
    const second = first + 1 + Math.floor(random() * (count - first - 1));
    return [first, second];
}

/** What was typed back is the group: without regard to spaces around it; capitals count. */
export function matches(typed: string, group: string): boolean {
    return typed.replace(/\s+/g, "") === group;
}
