import { useMemo } from "react";
import type { Command } from "../finder/Finder";
import { useT } from "../i18n";
import type { Dialogue } from "./Dialogues";

/** What can be done from everywhere, by the finder. */
export function useCommands(open: (dialogue: Dialogue) => void): Command[] {
    const t = useT();
    return useMemo(
        () => [
            { name: "conversation", label: t("list.newConversation"), run: () => open("conversation") },
            { name: "salon", label: t("list.newSalon"), run: () => open("salon") },
            { name: "account", label: t("account.title"), run: () => open("account") },
        ],
        [t, open],
    );
}
