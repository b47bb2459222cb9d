import { useCallback, useState, type FormEvent } from "react";
import { useClient } from "../client/context";
import { userIdFrom } from "../client/identifier";
import { useT } from "../i18n";
import { Button } from "../ui/Button";
import { Fault } from "../ui/Fault";
import { TextInput } from "../ui/TextInput";
import { useAction } from "../ui/useAction";
import { exists } from "./actions";

type Wrong = "form" | "self" | "unknown";

interface Props {
    submit: string;
    /** Does what the form is for, with a user id of somebody who exists. */
    onPerson(userId: string): Promise<void>;
    onClose(): void;
}

/** Asks for somebody's identifier and says what is wrong with it. */
export function PersonForm({ submit, onPerson, onClose }: Props) {
    const t = useT();
    const { mx, config } = useClient();
    const [wrong, setWrong] = useState<Wrong | null>(null);
    const [typed, setTyped] = useState("");
    const action = useAction(
        useCallback(
            async (userId: string) => {
                if (!(await exists(mx, userId))) return setWrong("unknown");
                await onPerson(userId);
            },
            [mx, onPerson],
        ),
    );
    const send = (event: FormEvent<HTMLFormElement>) => {
        event.preventDefault();
        const userId = userIdFrom(typed, config.server_name);
        const fault = !userId ? "form" : userId === mx.getUserId() ? "self" : null;
        setWrong(fault);
        if (!fault) action.run(userId!);
    };
    return (
        <form onSubmit={send}>
            <TextInput
                label={t("person.label")} hint={t("person.hint", { server: config.server_name })} name="person"
                value={typed} onChange={setTyped} autoFocus exact
                error={wrong && t(`person.wrong.${wrong}`, { typed: typed.trim() })}
            />
            <Fault>{action.fault}</Fault>
            <div className="buttons">
                <Button look="primary" type="submit" isDisabled={action.busy}>
                    {action.busy ? t("person.busy") : submit}
                </Button>
                <Button onPress={onClose}>{t("common.cancel")}</Button>
            </div>
        </form>
    );
}
