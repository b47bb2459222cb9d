/** Threads. */
export const threads = {
    thread: {
        open: "Threads",
        openUnread_one: "Threads ({{count}} unread)",
        openUnread_many: "Threads ({{count}} unread)",
        openUnread_other: "Threads ({{count}} unread)",
        title: "Thread",
        listTitle: "Threads",
        messages: "Messages of the thread",
        close: "Close the thread",
        loading: "Loading the threads…",
        none: "This room has no thread yet.",
        answers_one: "{{count}} reply",
        answers_many: "{{count}} replies",
        answers_other: "{{count}} replies",
        unread_one: "{{count}} unread",
        unread_many: "{{count}} unread",
        unread_other: "{{count}} unread",
    },
};
