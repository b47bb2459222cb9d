import i18next, { type TFunction } from "i18next";
import { useSyncExternalStore } from "react";
import type { First, Rest } from "./catalogue";

export const languages = { fr: "Français", en: "English" } as const;
export type Language = keyof typeof languages;

const key = "beffroi.language";

const firsts: Record<Language, () => Promise<First>> = {
    fr: async () => (await import("./fr/first")).first,
    en: async () => (await import("./en/first")).first,
};

const rests: Record<Language, () => Promise<Rest>> = {
    fr: async () => (await import("./fr/rest")).rest,
    en: async () => (await import("./en/rest")).rest,
};

/** The language that was chosen here, or else the browser's first one that we speak, or else French. */
export function preferredLanguage(chosen = localStorage.getItem(key), wanted = navigator.languages): Language {
    const known = [chosen ?? "", ...wanted].map((tag) => tag.split("-")[0]!);
    return (known.find((tag) => tag in languages) as Language | undefined) ?? "fr";
}

/** Starts the translations with what the log-in page needs; the page shows nothing before. */
export async function startLanguage(language: Language): Promise<void> {
    const translation = await firsts[language]();
    await i18next.init({
        lng: language,
        resources: { [language]: { translation } },
        interpolation: { escapeValue: false }, // React escapes
        showSupportNotice: false,
    } as Parameters<typeof i18next.init>[0]);
    document.documentElement.lang = language;
}

/** Brings the texts of everything behind the log-in page. */
export async function startRest(language = currentLanguage()): Promise<void> {
    i18next.addResourceBundle(language, "translation", await rests[language](), true);
}

export async function chooseLanguage(language: Language): Promise<void> {
    const whole = i18next.exists("home.title");
    i18next.addResourceBundle(language, "translation", await firsts[language](), true);
    if (whole) await startRest(language);
    await i18next.changeLanguage(language);
    document.documentElement.lang = language;
    localStorage.setItem(key, language);
}

/** The translator; whoever uses it is drawn again when the language changes. */
export function useT(): TFunction {
    useLanguage();
    return i18next.t;
}

export function useLanguage(): Language {
    return useSyncExternalStore(subscribe, currentLanguage, currentLanguage);
}

export function currentLanguage(): Language {
    return i18next.language as Language;
}

function subscribe(changed: () => void): () => void {
    i18next.on("languageChanged", changed);
    return () => i18next.off("languageChanged", changed);
}
