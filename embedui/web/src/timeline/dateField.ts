/** A day as a date field has it. */
export function dateField(at: number): string {
    const date = new Date(at);
    const two = (n: number): string => String(n).padStart(2, "0");
    return `${String(date.getFullYear()).padStart(4, "0")}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}

/** The first millisecond of a date field's day, here; null: it is no day. */
export function startOf(field: string): number | null {
    const parts = /^(\d{4,6})-(\d\d)-(\d\d)$/.exec(field)?.slice(1).map(Number) as [number, number, number] | undefined;
    if (!parts) return null;
    const at = new Date(parts[0], parts[1] - 1, parts[2]).getTime();
    return Number.isNaN(at) ? null : at;
}
