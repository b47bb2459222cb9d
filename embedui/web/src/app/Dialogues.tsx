import { DialogueFrame } from "../ui/DialogueFrame";
import { lazyPart } from "../ui/lazy";
import { useCommands } from "./commands";

export type Dialogue = "salon" | "conversation" | "account" | "finder";

const frame = DialogueFrame;
const NewConversation = lazyPart(() => import("../rooms/NewConversation"), { frame });
const NewSalon = lazyPart(() => import("../rooms/NewSalon"), { frame });
const AccountDialog = lazyPart(() => import("./AccountDialog"), { frame });
const Finder = lazyPart(() => import("../finder/Finder"), { frame });

interface Props {
    open: Dialogue | null;
    onOpen(dialogue: Dialogue): void;
    onClose(): void;
}

/** What the list opens. It stands outside of the list, which a narrow screen leaves out beside a room: what is typed here stays. */
export function Dialogues({ open, onOpen, onClose }: Props) {
    const commands = useCommands(onOpen);
    return (
        <>
            {open === "conversation" && <NewConversation onClose={onClose} />}
            {open === "salon" && <NewSalon onClose={onClose} />}
            {open === "account" && <AccountDialog onClose={onClose} />}
            {open === "finder" && <Finder commands={commands} onClose={onClose} />}
        </>
    );
}
