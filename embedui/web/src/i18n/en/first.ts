/** The texts of the log-in page and of what stands before it. */
export const first = {
    common: { cancel: "Cancel", close: "Close" },
    opening: {
        title: "Opening your messages…",
        delayed: "The town hall’s server is not answering yet. We keep trying; there is nothing you need to do.",
    },
    unreachable: {
        title: "The messaging service is not answering",
        text: "The town hall’s server did not answer. Check your Internet connection, then try again.",
        retry: "Try again",
    },
    failed: {
        title: "The messaging service did not open",
        text: "Your browser could not open your messages. Reload the page; if this continues, close the other tabs of the messaging service and leave private browsing.",
        retry: "Reload the page",
    },
    elsewhere: {
        title: "The messaging service is open in another tab",
        text: "It can be used in one tab at a time only. If you use it here, the other tab pauses; nothing is lost.",
        take: "Use here",
    },
    login: {
        title: "Log in",
        user: "Identifier",
        userHint: "For example firstname.lastname",
        password: "Password",
        show: "Show the password",
        submit: "Log in",
        busy: "Logging in…",
        again: "You are {{user}}. Type your password to get back to your messages: they are still on this device.",
        forget: "Log out and erase the messages from this device",
        insecure:
            "This page is not protected (http). Without a secure connection your messages can’t be encrypted. Open the address that begins with https://, or ask the person who looks after the messaging service for it.",
        reason: {
            expired: "Your connection was closed on the server. Log in again to continue.",
        },
        fault: {
            empty: "The identifier or the password is missing. Fill in both fields.",
            wrong: "The identifier or the password is not right. Check both, capitals included.",
            slow: "There were too many tries. Wait a minute, then try again.",
            unreachable: "The town hall’s server is not answering. Check your Internet connection, then try again.",
            deactivated: "This account is closed. Ask the person who looks after your town hall’s messaging service.",
            refused: "The server refused the log-in. Check your identifier, for example firstname.lastname, then try again.",
        },
    },
};
