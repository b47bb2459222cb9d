import { PollEvent, type MatrixEvent, type Room } from "matrix-js-sdk";
import { useEffect, useMemo, useState } from "react";
import { useClient } from "../client/context";
import { useEvents } from "../client/events";
import { useT } from "../i18n";
import { memberName } from "../rooms/preview";
import type { Message } from "../timeline/items";
import { Button } from "../ui/Button";
import { ending, pollEnd, pollResponse, readPoll, tally, vote, type Poll } from "./poll";

/** A poll: its question, what one votes, and what the others voted. */
export default function PollView({ message, room }: { message: Message; room: Room }) {
    const t = useT();
    const { mx, outbox } = useClient();
    const own = mx.getSafeUserId();
    const poll = useMemo(() => readPoll(message.event.getContent()), [message.event]);
    const { votes, ended } = useVotes(room, message.id);
    const [pending, setPending] = useState<string[] | null>(null);
    if (!poll) return <p className="aside">{t("message.unknown")}</p>;
    const counts = tally(poll, votes.map((event) => ({ sender: event.getSender()!, at: event.getTs(), content: event.getContent() })));
    const mine = pending ?? poll.answers.filter(({ id }) => counts.get(id)!.includes(own)).map(({ id }) => id);
    const choose = (id: string, on: boolean): void => {
        const next = poll.max === 1 ? [id] : on ? [...mine, id].slice(-poll.max) : mine.filter((one) => one !== id);
        setPending(next);
        outbox.send(room, pollResponse, vote(message.id, next));
    };
    const end = (): void => outbox.send(room, pollEnd, ending(message.id, t("poll.endedText")));
    const open = !ended && !message.status && room.maySendMessage();
    const shown = ended || (!poll.secret && (mine.length > 0 || message.sender === own));
    const mayEnd = open && (message.sender === own || room.currentState.maySendRedactionForEvent(message.event, own));
    return (
        <fieldset className="poll">
            <legend dir="auto">{poll.question}</legend>
            {poll.answers.map((answer) => (
                <Answer
                    key={answer.id} poll={poll} answer={answer} group={message.id} on={mine.includes(answer.id)} open={open}
                    voters={shown ? counts.get(answer.id)!.map((id) => memberName(room, id)) : null} total={voters(counts)} onChoose={choose}
                />
            ))}
            <p className="aside" role="status">{t(`poll.state.${state(poll, ended)}`)} {t("poll.voters", { count: voters(counts) })}</p>
            {mayEnd && <Button onPress={end}>{t("poll.end")}</Button>}
        </fieldset>
    );
}

interface AnswerProps {
    poll: Poll;
    answer: Poll["answers"][number];
    group: string;
    on: boolean;
    open: boolean;
    /** Null: not shown yet. */
    voters: string[] | null;
    total: number;
    onChoose(id: string, on: boolean): void;
}

function Answer({ poll, answer, group, on, open, voters: names, total, onChoose }: AnswerProps) {
    const t = useT();
    return (
        <div className="poll-answer">
            <label>
                <input
                    type={poll.max === 1 ? "radio" : "checkbox"} name={`poll ${group}`} checked={on} disabled={!open}
                    onChange={(event) => onChoose(answer.id, event.target.checked)}
                />
                <span dir="auto">{answer.text}</span>
                {names && <span className="votes" title={names.join(", ")}>{t("poll.votes", { count: names.length })}</span>}
            </label>
            {names && <progress aria-hidden="true" max={Math.max(total, 1)} value={names.length} />}
        </div>
    );
}

function state(poll: Poll, ended: boolean): "ended" | "secret" | "open" {
    return ended ? "ended" : poll.secret ? "secret" : "open";
}

function voters(counts: Map<string, string[]>): number {
    return new Set([...counts.values()].flat()).size;
}

const changes = [PollEvent.New, PollEvent.End, PollEvent.Responses, PollEvent.Update] as const;

/** The votes on a poll that count by their time, and whether it has ended. */
function useVotes(room: Room, id: string): { votes: MatrixEvent[]; ended: boolean } {
    useEvents(room, changes);
    const poll = room.polls.get(id);
    const [votes, setVotes] = useState<MatrixEvent[]>([]);
    const [ended, setEnded] = useState(false);
    useEffect(() => {
        if (!poll) return;
        let over = false;
        const look = (): void => {
            void poll.getResponses().then((responses) => {
                if (!over) (setVotes([...((responses as typeof responses | null)?.getRelations() ?? [])]), setEnded(poll.isEnded)); // the SDK gives null while it asks
            }, () => {});
        };
        look();
        [PollEvent.Responses, PollEvent.End].forEach((name) => poll.on(name as PollEvent.End, look));
        return () => {
            over = true;
            [PollEvent.Responses, PollEvent.End].forEach((name) => poll.off(name as PollEvent.End, look));
        };
    }, [poll]);
    return { votes, ended };
}
