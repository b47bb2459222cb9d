/** Threads: "fils de discussion". */
export const threads = {
    thread: {
        open: "Fils",
        openUnread_one: "Fils ({{count}} non lu)",
        openUnread_many: "Fils ({{count}} non lus)",
        openUnread_other: "Fils ({{count}} non lus)",
        title: "Fil de discussion",
        listTitle: "Fils de discussion",
        messages: "Messages du fil",
        close: "Fermer le fil",
        loading: "Chargement des fils…",
        none: "Ce salon n’a pas encore de fil de discussion.",
        answers_one: "{{count}} réponse",
        answers_many: "{{count}} réponses",
        answers_other: "{{count}} réponses",
        unread_one: "{{count}} non lue",
        unread_many: "{{count}} non lues",
        unread_other: "{{count}} non lues",
    },
};
