import { useEffect, useRef, type ComponentType, type RefObject } from "react";
import { go, pathOf } from "../app/route";
import { useNarrow } from "../app/useNarrow";
import { useT } from "../i18n";
import { Button } from "../ui/Button";
import { useTitle } from "../ui/title";
import { About } from "./About";
import { Accessibility } from "./Accessibility";
import { Appearance } from "./Appearance";
import { Devices } from "./Devices";
import { Keyboard } from "./Keyboard";
import { Language } from "./Language";
import { Password } from "./Password";
import { Profile } from "./Profile";
import { sectionOf, sections, type Section } from "./sections";

const pages: Record<Section, ComponentType> = {
    profil: Profile, appareils: Devices, "mot-de-passe": Password, apparence: Appearance, langue: Language, clavier: Keyboard,
    accessibilite: Accessibility, "a-propos": About,
};

/** The settings: their list and one of them, side by side or one after the other. */
export default function SettingsPage({ section: named }: { section: string }) {
    const t = useT();
    const narrow = useNarrow();
    const section = sectionOf(named);
    const shown = section ?? (narrow ? null : sections[0]);
    const Page = shown && pages[shown];
    const heading = useRef<HTMLHeadingElement>(null);
    useEffect(() => heading.current?.focus(), [shown]);
    useTitle(shown ? `${t(`settings.section.${shown}`)} · ${t("settings.title")}` : t("settings.title"));
    return (
        <main className="settings" id="content" tabIndex={-1}>
            {(!narrow || !section) && <List shown={shown} narrow={narrow} heading={shown ? null : heading} />}
            {Page && (
                <div className="page">
                    {narrow && <Button look="bare" onPress={() => go({ page: "settings", section: "" })}>{t("settings.back")}</Button>}
                    <Title level={narrow ? "h1" : "h2"} heading={heading}>{t(`settings.section.${shown}`)}</Title>
                    <Page />
                </div>
            )}
        </main>
    );
}

type Heading = RefObject<HTMLHeadingElement | null>;

function Title({ level: Level, heading, children }: { level: "h1" | "h2"; heading: Heading; children: string }) {
    return <Level ref={heading} tabIndex={-1}>{children}</Level>;
}

function List({ shown, narrow, heading }: { shown: Section | null; narrow: boolean; heading: Heading | null }) {
    const t = useT();
    return (
        <div className="settings-list">
            {narrow && <Button look="bare" onPress={() => go({ page: "home" })}>{t("room.back")}</Button>}
            <h1 ref={heading} tabIndex={-1}>{t("settings.title")}</h1>
            <nav aria-label={t("settings.title")}>
                <ul>
                    {sections.map((section) => (
                        <li key={section}>
                            <a
                                className="row" href={pathOf({ page: "settings", section })} aria-current={section === shown ? "page" : undefined}
                                onClick={(event) => (event.preventDefault(), go({ page: "settings", section }))}
                            >
                                {t(`settings.section.${section}`)}
                            </a>
                        </li>
                    ))}
                </ul>
            </nav>
        </div>
    );
}
