/** How many days a room keeps its messages (MSC1763), as the server reads it: whole days, one at least; null: for ever. */
export function keptDays(content: Record<string, unknown> | undefined): number | null {
    const lifetime = content?.max_lifetime;
    if (typeof lifetime !== "number" || !Number.isSafeInteger(lifetime) || lifetime <= 0) return null;
    return Math.max(1, Math.round(lifetime / 86_400_000));
}
