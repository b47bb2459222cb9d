// How the client looks on this device: for the log-in page too, so nothing large is here.

export const themes = ["system", "light", "dark", "contrast"] as const;
export type Theme = (typeof themes)[number];

export const textSizes = ["normal", "larger", "large", "largest"] as const;
export type TextSize = (typeof textSizes)[number];

/** Of the browser's own size of text. */
const percent: Record<TextSize, number> = { normal: 100, larger: 112.5, large: 125, largest: 150 };

const themeKey = "beffroi.theme";
const sizeKey = "beffroi.text";

export function theme(): Theme {
    return known(themes, localStorage.getItem(themeKey));
}

export function textSize(): TextSize {
    return known(textSizes, localStorage.getItem(sizeKey));
}

export function chooseTheme(next: Theme): void {
    localStorage.setItem(themeKey, next);
    apply();
}

export function chooseTextSize(next: TextSize): void {
    localStorage.setItem(sizeKey, next);
    apply();
}

/** What is drawn for a choice, on a device that asks for these. */
export function themeFor(chosen: Theme, device: { dark: boolean; contrast: boolean }): Exclude<Theme, "system"> {
    if (chosen !== "system") return chosen;
    if (device.dark) return "dark";
    return device.contrast ? "contrast" : "light";
}

/** Draws the page as it was chosen, and goes on to when the device changes. */
export function startAppearance(): void {
    for (const query of queries()) query.addEventListener("change", apply);
    apply();
}

function queries(): [dark: MediaQueryList, contrast: MediaQueryList] {
    return [matchMedia("(prefers-color-scheme: dark)"), matchMedia("(prefers-contrast: more)")];
}

function apply(): void {
    const [dark, contrast] = queries();
    document.documentElement.dataset.theme = themeFor(theme(), { dark: dark.matches, contrast: contrast.matches });
    document.documentElement.style.fontSize = `${percent[textSize()]}%`;
}

function known<V extends string>(values: readonly [V, ...V[]], kept: string | null): V {
    return values.find((value) => value === kept) ?? values[0];
}
