import { useState } from "react";
import { chooseTextSize, chooseTheme, textSize, textSizes, theme, themes } from "../appearance";
import { useT } from "../i18n";
import { Choice } from "../ui/Choice";

/** Colours and size of text, on this device. */
export function Appearance() {
    const t = useT();
    const [colours, setColours] = useState(theme);
    const [size, setSize] = useState(textSize);
    return (
        <>
            <p className="quiet">{t("appearance.here")}</p>
            <Choice
                label={t("appearance.theme")} value={colours} onChange={(next) => (chooseTheme(next), setColours(next))}
                options={themes.map((value) => ({ value, label: t(`appearance.themes.${value}`) }))}
            />
            <Choice
                label={t("appearance.size")} value={size} onChange={(next) => (chooseTextSize(next), setSize(next))}
                options={textSizes.map((value) => ({ value, label: t(`appearance.sizes.${value}`) }))}
            />
        </>
    );
}
