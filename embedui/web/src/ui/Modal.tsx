import type { ReactNode } from "react";
import { Dialog } from "react-aria-components/Dialog";
import { Heading } from "react-aria-components/Heading";
import { Modal as AriaModal, ModalOverlay } from "react-aria-components/Modal";

interface Props {
    title: string;
    /** Also called by Escape and by a press beside it. */
    onClose(): void;
    /** It stands at the top of the page, so that what grows below does not move it. */
    top?: boolean;
    children: ReactNode;
}

/** A dialogue over the page; it is open as long as it is drawn. Focus goes in, and back when it closes. */
export function Modal({ title, onClose, top, children }: Props) {
    return (
        <ModalOverlay className={top ? "veil top" : "veil"} isOpen isDismissable onOpenChange={(open) => open || onClose()}>
            <AriaModal className="modal">
                <Dialog className="dialog">
                    <Heading slot="title" level={2}>
                        {title}
                    </Heading>
                    {children}
                </Dialog>
            </AriaModal>
        </ModalOverlay>
    );
}
