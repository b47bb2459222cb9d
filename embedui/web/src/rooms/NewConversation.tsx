import { useCallback } from "react";
import { go } from "../app/route";
import { useClient } from "../client/context";
import { useT } from "../i18n";
import { Modal } from "../ui/Modal";
import { createConversation } from "./actions";
import { PersonForm } from "./PersonForm";

/** Asks with whom to speak, and goes to the conversation. */
export default function NewConversation({ onClose }: { onClose(): void }) {
    const t = useT();
    const { mx } = useClient();
    const open = useCallback(
        async (userId: string) => {
            const id = await createConversation(mx, userId);
            onClose();
            go({ page: "room", id, details: false }, true);
        },
        [mx, onClose],
    );
    return (
        <Modal title={t("newConversation.title")} onClose={onClose}>
            <PersonForm submit={t("newConversation.create")} onPerson={open} onClose={onClose} />
        </Modal>
    );
}
