// Vitest 5 tells of failures with Map.groupBy, which Node 20 does not have.
Map.groupBy ??= (items, keyOf) => {
    const groups = new Map();
    for (const [i, item] of [...items].entries()) {
        const key = keyOf(item, i);
        groups.has(key) ? groups.get(key).push(item) : groups.set(key, [item]);
    }
    return groups;
};
