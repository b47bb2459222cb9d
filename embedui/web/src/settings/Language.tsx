import { chooseLanguage, languages, useLanguage, useT, type Language as Code } from "../i18n";
import { Choice } from "../ui/Choice";

export function Language() {
    const t = useT();
    const current = useLanguage();
    const options = (Object.keys(languages) as Code[]).map((value) => ({ value, label: languages[value] }));
    return <Choice label={t("language.label")} value={current} options={options} onChange={(next) => void chooseLanguage(next)} />;
}
