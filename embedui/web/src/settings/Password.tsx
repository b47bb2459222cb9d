import { useCallback, useState, type FormEvent } from "react";
import { useClient } from "../client/context";
import { useT } from "../i18n";
import { Button } from "../ui/Button";
import { Fault } from "../ui/Fault";
import { TextInput } from "../ui/TextInput";
import { useAction } from "../ui/useAction";
import { problemsOf } from "./passwordRule";
import { withPassword, WrongPassword } from "./uia";

/** Changes the password, by the rule that the server and the letter have. */
export function Password() {
    const t = useT();
    const { mx } = useClient();
    const [typed, setTyped] = useState({ old: "", next: "", again: "" });
    const [checked, setChecked] = useState(false);
    const [wrong, setWrong] = useState(false);
    const [done, setDone] = useState(false);
    const change = useAction(
        useCallback(
            async (old: string, next: string) => {
                try {
                    await withPassword(mx, old, (auth) => mx.setPassword(auth as never, next, false));
                } catch (error) {
                    if (error instanceof WrongPassword) return setWrong(true);
                    throw error;
                }
                setTyped({ old: "", next: "", again: "" });
                setChecked(false);
                setDone(true);
            },
            [mx],
        ),
    );
    const problems = checked ? problemsOf(typed.next) : [];
    const differs = checked && typed.next !== typed.again;
    const field = (name: keyof typeof typed) => ({
        value: typed[name],
        onChange: (value: string): void => (setTyped((before) => ({ ...before, [name]: value })), setWrong(false), setDone(false)),
    });
    const submit = (event: FormEvent): void => {
        event.preventDefault();
        setChecked(true);
        if (typed.old && !problemsOf(typed.next).length && typed.next === typed.again) change.run(typed.old, typed.next);
    };
    return (
        <form onSubmit={submit} className="form">
            <p>{t("password.rule")}</p>
            <TextInput label={t("password.old")} type="password" autoComplete="current-password" {...field("old")} error={wrong ? t("password.wrong") : checked && !typed.old ? t("password.oldMissing") : null} />
            <TextInput label={t("password.next")} type="password" autoComplete="new-password" {...field("next")} error={problems.length ? problems.map((problem) => t(`password.problem.${problem}`)).join(" ") : null} />
            <TextInput label={t("password.again")} type="password" autoComplete="new-password" {...field("again")} error={differs ? t("password.differs") : null} />
            <Fault>{change.fault}</Fault>
            <p role="status" className={done ? "notice" : "unseen"}>{done ? t("password.done") : ""}</p>
            <div className="buttons">
                <Button look="primary" type="submit" isDisabled={change.busy}>{t(change.busy ? "password.busy" : "password.submit")}</Button>
            </div>
        </form>
    );
}
