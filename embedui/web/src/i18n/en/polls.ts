/** Polls. */
export const polls = {
    poll: {
        open: "Poll",
        brief: "Poll: {{question}}",
        new: "New poll",
        question: "Question",
        answer: "Answer {{number}}",
        more: "Add an answer",
        several: "Several answers may be chosen",
        secretly: "Show the results only at the end",
        send: "Send the poll",
        noQuestion: "The question is missing.",
        noAnswer: "At least two answers are needed.",
        votes_one: "{{count}} vote",
        votes_many: "{{count}} votes",
        votes_other: "{{count}} votes",
        voters_one: "{{count}} person has voted.",
        voters_many: "{{count}} people have voted.",
        voters_other: "{{count}} people have voted.",
        end: "End the poll",
        endedText: "The poll has ended.",
        state: {
            open: "Open poll.",
            secret: "The results will be shown at the end.",
            ended: "The poll has ended.",
        },
    },
};
