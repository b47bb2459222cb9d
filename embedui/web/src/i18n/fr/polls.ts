/** Polls: "sondages". */
export const polls = {
    poll: {
        open: "Sondage",
        brief: "Sondage : {{question}}",
        new: "Nouveau sondage",
        question: "Question",
        answer: "Réponse {{number}}",
        more: "Ajouter une réponse",
        several: "Plusieurs réponses possibles",
        secretly: "Montrer les résultats seulement à la fin",
        send: "Envoyer le sondage",
        noQuestion: "Il manque la question.",
        noAnswer: "Il faut au moins deux réponses.",
        votes_one: "{{count}} voix",
        votes_many: "{{count}} voix",
        votes_other: "{{count}} voix",
        voters_one: "{{count}} personne a voté.",
        voters_many: "{{count}} personnes ont voté.",
        voters_other: "{{count}} personnes ont voté.",
        end: "Terminer le sondage",
        endedText: "Le sondage est terminé.",
        state: {
            open: "Sondage ouvert.",
            secret: "Les résultats seront montrés à la fin.",
            ended: "Sondage terminé.",
        },
    },
};
