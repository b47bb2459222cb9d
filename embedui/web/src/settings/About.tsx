import { useEffect, useState } from "react";
import { useClient } from "../client/context";
import { useT } from "../i18n";
import { Contacts } from "./Contacts";

/** What this is, whose, under which licence, and whom to ask. */
export function About() {
    const t = useT();
    const { config } = useClient();
    const version = useVersion(config.base_url);
    return (
        <>
            <dl>
                <dt>{t("about.commune")}</dt>
                <dd>{config.name ? `${config.name} (${config.server_name})` : config.server_name}</dd>
                <dt>{t("about.software")}</dt>
                <dd>{["Beffroi", version].filter(Boolean).join(" ")}</dd>
                <dt>{t("about.licence")}</dt>
                <dd>
                    {t("about.free")}{" "}
                    <a href="https://eupl.eu/1.2/fr/" target="_blank" rel="noreferrer">{t("about.licenceText")}</a>
                </dd>
                <dt>{t("about.source")}</dt>
                <dd>{t("about.sourceText")}</dd>
            </dl>
            <section aria-labelledby="about-help">
                <h3 id="about-help">{t("about.help")}</h3>
                <Contacts />
            </section>
        </>
    );
}

/** The server's version, which is its client's; empty where it does not tell. */
function useVersion(base: string): string {
    const [version, setVersion] = useState("");
    useEffect(() => {
        let over = false;
        const ask = async (): Promise<void> => {
            const response = await fetch(`${base}/_matrix/federation/v1/version`);
            const answer = (await response.json()) as { server?: { version?: unknown } };
            if (!over && typeof answer.server?.version === "string") setVersion(answer.server.version);
        };
        ask().catch(() => {}); // shown without
        return () => void (over = true);
    }, [base]);
    return version;
}
