import { KnownMembership, type Room } from "matrix-js-sdk";
import { useCallback } from "react";
import { useClient } from "../client/context";
import { useT } from "../i18n";
import { Modal } from "../ui/Modal";
import { invite } from "./actions";
import { PersonForm } from "./PersonForm";

/** Asks whom to invite to a room. */
export default function InviteDialog({ room, onClose }: { room: Room; onClose(): void }) {
    const t = useT();
    const { mx } = useClient();
    const send = useCallback(
        async (userId: string) => {
            if (room.getMember(userId)?.membership !== KnownMembership.Join) await invite(mx, room, userId);
            onClose();
        },
        [mx, room, onClose],
    );
    return (
        <Modal title={t("invite.title", { name: room.name })} onClose={onClose}>
            <PersonForm submit={t("invite.send")} onPerson={send} onClose={onClose} />
        </Modal>
    );
}
