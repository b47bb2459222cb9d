import { NewConversation } from "../rooms/NewConversation";
import { NewSalon } from "../rooms/NewSalon";
import { AccountDialog } from "./AccountDialog";

export type Dialogue = "salon" | "conversation" | "account";

/** What the list opens. It stands outside of the list, which a narrow screen leaves out beside a room: what is typed here stays. */
export function Dialogues({ open, onClose }: { open: Dialogue | null; onClose(): void }) {
    return (
        <>
            {open === "conversation" && <NewConversation onClose={onClose} />}
            {open === "salon" && <NewSalon onClose={onClose} />}
            {open === "account" && <AccountDialog onClose={onClose} />}
        </>
    );
}
