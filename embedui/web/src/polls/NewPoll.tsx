import type { Room } from "matrix-js-sdk";
import { useState, type FormEvent } from "react";
import { useClient } from "../client/context";
import { useT } from "../i18n";
import { Button } from "../ui/Button";
import { Modal } from "../ui/Modal";
import { TextInput } from "../ui/TextInput";
import { newPoll, pollStart } from "./poll";

const most = 20;

/** Asks the room a question with answers to choose from. */
export default function NewPoll({ room, onClose }: { room: Room; onClose(): void }) {
    const t = useT();
    const { outbox } = useClient();
    const [question, setQuestion] = useState("");
    const [answers, setAnswers] = useState(["", ""]);
    const [several, setSeveral] = useState(false);
    const [secret, setSecret] = useState(false);
    const [wrong, setWrong] = useState(false);
    const given = answers.map((answer) => answer.trim()).filter(Boolean);
    const change = (i: number, text: string): void => setAnswers(answers.map((answer, j) => (j === i ? text : answer)));
    const send = (event: FormEvent): void => {
        event.preventDefault();
        if (!question.trim() || given.length < 2) return setWrong(true);
        const content = newPoll({ question: question.trim(), answers: given.map((text, i) => ({ id: String(i + 1), text })), secret, max: several ? given.length : 1 });
        outbox.send(room, pollStart, content);
        onClose();
    };
    return (
        <Modal title={t("poll.new")} onClose={onClose}>
            <form className="poll-form" onSubmit={send}>
                <TextInput label={t("poll.question")} autoFocus value={question} onChange={setQuestion} maxLength={300} error={wrong && !question.trim() ? t("poll.noQuestion") : null} />
                {answers.map((answer, i) => (
                    <TextInput
                        key={i} label={t("poll.answer", { number: i + 1 })} value={answer} onChange={(text) => change(i, text)} maxLength={200}
                        error={wrong && given.length < 2 && !answer.trim() ? t("poll.noAnswer") : null}
                    />
                ))}
                {answers.length < most && <Button onPress={() => setAnswers([...answers, ""])}>{t("poll.more")}</Button>}
                <label className="check"><input type="checkbox" checked={several} onChange={(event) => setSeveral(event.target.checked)} /> {t("poll.several")}</label>
                <label className="check"><input type="checkbox" checked={secret} onChange={(event) => setSecret(event.target.checked)} /> {t("poll.secretly")}</label>
                <div className="buttons">
                    <Button onPress={onClose}>{t("common.cancel")}</Button>
                    <Button look="primary" type="submit">{t("poll.send")}</Button>
                </div>
            </form>
        </Modal>
    );
}
