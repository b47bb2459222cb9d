import { chooseLanguage, languages, useLanguage, type Language } from "../i18n";

/** Offers the other languages, each under its own name. Without the component library: the log-in page has it. */
export function LanguageChoice() {
    const current = useLanguage();
    const others = (Object.keys(languages) as Language[]).filter((language) => language !== current);
    return others.map((language) => (
        <button key={language} type="button" className="btn bare" lang={language} onClick={() => void chooseLanguage(language)}>
            {languages[language]}
        </button>
    ));
}
