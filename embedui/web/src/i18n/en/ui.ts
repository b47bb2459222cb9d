/** The design system's components. */
export const ui = {
    part: {
        loading: "One moment…",
        failed: "This part of the messenger could not be loaded. Check your connection, then try again. If the messenger was just updated, reload the page.",
        retry: "Try again",
        reload: "Reload the page",
    },
};
