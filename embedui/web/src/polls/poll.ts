// Polls, as MSC3381 has them. What is sent has the names that clients of today know; both are read.

export const pollStart = "org.matrix.msc3381.poll.start";
export const pollResponse = "org.matrix.msc3381.poll.response";
export const pollEnd = "org.matrix.msc3381.poll.end";
export const pollStarts: string[] = [pollStart, "m.poll.start"];

const text = "org.matrix.msc1767.text";
const most = 20; // answers

export interface Poll {
    question: string;
    answers: { id: string; text: string }[];
    /** Results are only shown when the poll has ended. */
    secret: boolean;
    /** How many answers one may choose. */
    max: number;
}

export function newPoll({ question, answers, secret, max }: Poll): object {
    const fallback = `${question}\n${answers.map((answer, i) => `${i + 1}. ${answer.text}`).join("\n")}`;
    return {
        [pollStart]: {
            question: { [text]: question, body: question, msgtype: "m.text" },
            kind: `org.matrix.msc3381.poll.${secret ? "undisclosed" : "disclosed"}`,
            max_selections: max,
            answers: answers.map((answer) => ({ id: answer.id, [text]: answer.text })),
        },
        [text]: fallback,
        "m.mentions": {},
    };
}

/** The poll in an event's content; null: it is none. */
export function readPoll(content: Record<string, unknown>): Poll | null {
    const start = object(content[pollStart] ?? content["m.poll.start"] ?? content["m.poll"]);
    const question = textIn(start?.question);
    if (!start || !question || !Array.isArray(start.answers)) return null;
    const answers = start.answers.slice(0, most).flatMap((answer) => {
        const id = object(answer)?.id ?? object(answer)?.["m.id"];
        const words = textIn(answer);
        return typeof id === "string" && words ? [{ id, text: words }] : [];
    });
    if (!answers.length) return null;
    const max = Number.isSafeInteger(start.max_selections) && Number(start.max_selections) > 0 ? Number(start.max_selections) : 1;
    return { question, answers, secret: !["org.matrix.msc3381.poll.disclosed", "m.disclosed", "m.poll.disclosed"].includes(String(start.kind)), max };
}

/** One's vote; without answers it is taken back. */
export function vote(poll: string, answers: string[]): object {
    return { [pollResponse]: { answers }, "m.relates_to": { rel_type: "m.reference", event_id: poll } };
}

export function ending(poll: string, words: string): object {
    return { [pollEnd]: {}, [text]: words, "m.relates_to": { rel_type: "m.reference", event_id: poll } };
}

/** A vote as it arrives. */
export interface Vote {
    sender: string;
    at: number;
    content: Record<string, unknown>;
}

/** Who chose what: each person's last vote counts; what isn't an answer, or is too much, doesn't. */
export function tally(poll: Poll, votes: Vote[]): Map<string, string[]> {
    const last = new Map<string, Vote>();
    for (const one of votes) {
        const before = last.get(one.sender);
        if (!before || one.at >= before.at) last.set(one.sender, one);
    }
    const counts = new Map<string, string[]>(poll.answers.map(({ id }) => [id, []]));
    for (const { sender, content } of last.values()) {
        for (const id of chosen(content).slice(0, poll.max)) counts.get(id)?.push(sender);
    }
    return counts;
}

function chosen(content: Record<string, unknown>): string[] {
    const answers = object(content[pollResponse] ?? content["m.poll.response"])?.answers ?? content["m.selections"];
    return Array.isArray(answers) ? [...new Set(answers.filter((id): id is string => typeof id === "string"))] : [];
}

function object(value: unknown): Record<string, unknown> | null {
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : null;
}

function textIn(value: unknown): string | null {
    const holder = object(value);
    const words = holder?.[text] ?? holder?.body ?? holder?.["m.text"];
    const plain = Array.isArray(words) ? object(words[0])?.body : words;
    return typeof plain === "string" && plain.trim() ? plain.slice(0, 500) : null;
}
