import { useT } from "../i18n";
import { Contacts } from "./Contacts";

/** The statement that French law asks for (décret 2019-768), as honest as the list in the repository. */
export function Accessibility() {
    const t = useT();
    return (
        <>
            <p>{t("accessibility.promise")}</p>
            <section aria-labelledby="a11y-state">
                <h3 id="a11y-state">{t("accessibility.stateTitle")}</h3>
                <p>{t("accessibility.state")}</p>
            </section>
            <section aria-labelledby="a11y-tests">
                <h3 id="a11y-tests">{t("accessibility.testsTitle")}</h3>
                <p>{t("accessibility.tests")}</p>
            </section>
            <section aria-labelledby="a11y-tell">
                <h3 id="a11y-tell">{t("accessibility.tellTitle")}</h3>
                <p>{t("accessibility.tell")}</p>
                <Contacts />
            </section>
            <section aria-labelledby="a11y-law">
                <h3 id="a11y-law">{t("accessibility.lawTitle")}</h3>
                <p>{t("accessibility.law")}</p>
                <p><a href="https://formulaire.defenseurdesdroits.fr/" target="_blank" rel="noreferrer">{t("accessibility.lawLink")}</a></p>
            </section>
        </>
    );
}
