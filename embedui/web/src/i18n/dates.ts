import { currentLanguage } from ".";

/** "9 h 05", "9:05 AM". */
export function clock(at: number, language = currentLanguage()): string {
    const date = new Date(at);
    if (language === "fr") return `${date.getHours()} h ${String(date.getMinutes()).padStart(2, "0")}`;
    return new Intl.DateTimeFormat(language, { hour: "numeric", minute: "2-digit" }).format(date);
}

/** "lundi 23 novembre 2026". */
export function day(at: number, language = currentLanguage()): string {
    return new Intl.DateTimeFormat(language, { weekday: "long", day: "numeric", month: "long", year: "numeric" }).format(at);
}

/** How long ago in one word: the time today, the day of the week within a week, else the date. */
export function shortly(at: number, now = Date.now(), language = currentLanguage()): string {
    const days = Math.round((midnight(now) - midnight(at)) / 86_400_000);
    if (days <= 0) return clock(at, language);
    if (days === 1) return new Intl.RelativeTimeFormat(language, { numeric: "auto" }).format(-1, "day");
    const form: Intl.DateTimeFormatOptions = days < 7 ? { weekday: "long" } : { day: "numeric", month: "short", year: "2-digit" };
    return new Intl.DateTimeFormat(language, form).format(at);
}

/** "30 jours", "30 days". */
export function inDays(days: number, language = currentLanguage()): string {
    return new Intl.NumberFormat(language, { style: "unit", unit: "day", unitDisplay: "long" }).format(days);
}

function midnight(at: number): number {
    return new Date(at).setHours(0, 0, 0, 0);
}
