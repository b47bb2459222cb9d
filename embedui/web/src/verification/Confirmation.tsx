import "../styles/verification.css";
import { useEffect, useSyncExternalStore } from "react";
import { useLanguage, useT } from "../i18n";
import { Button } from "../ui/Button";
import type { Course, Step } from "./course";
import { emojiName } from "./emoji";

interface Props {
    course: Course;
    /** The device was confirmed, or the other one was, and this was read. */
    onDone(): void;
    /** Given up, or come to nothing, and this was read. */
    onEnd(): void;
}

/** What one sees and does while two devices confirm each other by emoji. */
export default function Confirmation({ course, onDone, onEnd }: Props) {
    const t = useT();
    const step = useSyncExternalStore(course.subscribe, () => course.step);
    useEffect(() => () => course.cancel(), [course]);
    return (
        <div className="verification">
            <p role="status">{t(`verification.${said(step)}`)}</p>
            {step.name === "emoji" && <Emoji step={step} />}
            <div className="buttons">
                {step.name === "asked" && <Button look="primary" autoFocus onPress={() => course.accept()}>{t("verification.accept")}</Button>}
                {step.name === "emoji" && (
                    <>
                        <Button look="primary" autoFocus onPress={() => course.confirm()}>{t("verification.same")}</Button>
                        <Button onPress={() => course.differ()}>{t("verification.different")}</Button>
                    </>
                )}
                {step.name === "done" && <Button look="primary" autoFocus onPress={onDone}>{t("verification.finish")}</Button>}
                {step.name === "failed" && <Button look="primary" autoFocus onPress={onEnd}>{t("verification.end")}</Button>}
                {step.name !== "done" && step.name !== "failed" && <Button onPress={onEnd}>{t("common.cancel")}</Button>}
            </div>
        </div>
    );
}

const said = (step: Step) => (step.name === "failed" ? (`failed.${step.why}` as const) : (`step.${step.name}` as const));

/** The images in the order in which both devices show them. */
function Emoji({ step }: { step: Extract<Step, { name: "emoji" }> }) {
    const t = useT();
    const language = useLanguage();
    const { emoji, decimal } = step.sas.sas;
    if (!emoji) return <p className="digits">{decimal?.join(" · ")}</p>;
    return (
        <ol className="emoji" aria-label={t("verification.images")}>
            {emoji.map(([symbol, name], i) => (
                <li key={i}>
                    <span aria-hidden="true" className="symbol">{symbol}</span>
                    <span>{emojiName(name, language)}</span>
                </li>
            ))}
        </ol>
    );
}
