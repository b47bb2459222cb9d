import { useEffect, useState } from "react";
import { useClient } from "../client/context";
import { spoken } from "../client/identifier";
import { useT } from "../i18n";
import { contactsOf, type Support } from "./support";

/** Whom the commune names for help; a sentence where it names nobody. */
export function Contacts() {
    const t = useT();
    const { config } = useClient();
    const [support, setSupport] = useState<Support | null>(null);
    useEffect(() => {
        let over = false;
        const none = { contacts: [], page: null };
        void ask(`${config.base_url}/.well-known/matrix/support`).then((answer) => over || setSupport(answer), () => over || setSupport(none));
        return () => void (over = true);
    }, [config.base_url]);
    if (!support) return <p role="status">{t("part.loading")}</p>;
    if (!support.contacts.length && !support.page) return <p>{t("about.nobody")}</p>;
    return (
        <ul className="contacts">
            {support.contacts.map((contact) => (
                <li key={`${contact.email} ${contact.user}`}>
                    {t(`about.role.${contact.role}`)}{" "}
                    {contact.email && <a href={`mailto:${contact.email}`}>{contact.email}</a>}
                    {contact.email && contact.user && " · "}
                    {contact.user && spoken(contact.user, config.server_name)}
                </li>
            ))}
            {support.page && <li><a href={support.page} target="_blank" rel="noreferrer">{t("about.page")}</a></li>}
        </ul>
    );
}

async function ask(url: string): Promise<Support> {
    const response = await fetch(url);
    return contactsOf(response.ok ? await response.json() : {});
}
