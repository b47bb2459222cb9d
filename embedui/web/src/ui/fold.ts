/** A text as it is compared: without accents and capitals, ligatures written out. */
export function fold(text: string): string {
    return text.toLowerCase().replaceAll("œ", "oe").replaceAll("æ", "ae").normalize("NFD").replace(/\p{M}/gu, "");
}
