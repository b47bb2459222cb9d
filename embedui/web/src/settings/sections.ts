/** The settings' pages; their names are in the address (/reglages/apparence). */
export const sections = ["profil", "appareils", "mot-de-passe", "apparence", "langue", "clavier", "accessibilite", "a-propos"] as const;
export type Section = (typeof sections)[number];

export function sectionOf(named: string): Section | null {
    return sections.find((section) => section === named) ?? null;
}
