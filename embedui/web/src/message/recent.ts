import { tones } from "./emoji";

// What one chose last, in this browser.
const recentKey = "beffroi.emoji";
const toneKey = "beffroi.tone";
const most = 16;

export function recentEmoji(): string[] {
    try {
        const signs = JSON.parse(localStorage.getItem(recentKey) ?? "[]") as unknown;
        return Array.isArray(signs) ? signs.filter((sign) => typeof sign === "string").slice(0, most) : [];
    } catch {
        return [];
    }
}

export function rememberEmoji(sign: string): void {
    keep(recentKey, JSON.stringify([sign, ...recentEmoji().filter((one) => one !== sign)].slice(0, most)));
}

export function chosenTone(): (typeof tones)[number] {
    const kept = localStorage.getItem(toneKey);
    return tones.find((tone) => tone === kept) ?? "";
}

export function rememberTone(tone: string): void {
    keep(toneKey, tone);
}

function keep(key: string, value: string): void {
    try {
        localStorage.setItem(key, value);
    } catch {
        // The browser's store is full: it is not remembered.
    }
}
