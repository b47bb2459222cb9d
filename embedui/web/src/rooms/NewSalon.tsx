import { useCallback, type FormEvent } from "react";
import { go } from "../app/route";
import { useClient } from "../client/context";
import { useT } from "../i18n";
import { Button } from "../ui/Button";
import { Fault } from "../ui/Fault";
import { Modal } from "../ui/Modal";
import { TextInput } from "../ui/TextInput";
import { useAction } from "../ui/useAction";
import { createSalon } from "./actions";

/** Asks for a salon's name, makes it, and goes there. */
export default function NewSalon({ onClose }: { onClose(): void }) {
    const t = useT();
    const { mx } = useClient();
    const make = useAction(
        useCallback(
            async (name: string) => {
                const id = await createSalon(mx, name);
                onClose();
                go({ page: "room", id, details: false }, true);
            },
            [mx, onClose],
        ),
    );
    const submit = (event: FormEvent<HTMLFormElement>) => {
        event.preventDefault();
        const name = String(new FormData(event.currentTarget).get("name")).trim();
        if (name) make.run(name);
    };
    return (
        <Modal title={t("newSalon.title")} onClose={onClose}>
            <form onSubmit={submit}>
                <TextInput label={t("newSalon.name")} hint={t("newSalon.hint")} name="name" autoFocus isRequired maxLength={200} />
                <p className="quiet">{t("newSalon.encrypted")}</p>
                <Fault>{make.fault}</Fault>
                <div className="buttons">
                    <Button look="primary" type="submit" isDisabled={make.busy}>
                        {t(make.busy ? "newSalon.busy" : "newSalon.create")}
                    </Button>
                    <Button onPress={onClose}>{t("common.cancel")}</Button>
                </div>
            </form>
        </Modal>
    );
}
