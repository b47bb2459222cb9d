import { useT } from "../i18n";
import { Modal } from "../ui/Modal";
import Confirmation from "./Confirmation";
import type { Course } from "./course";

/** Another device of one's own asks to be confirmed. Closing it says no. */
export default function IncomingDialog({ course, onClose }: { course: Course; onClose(): void }) {
    const t = useT();
    return (
        <Modal title={t("verification.incoming")} onClose={onClose}>
            <Confirmation course={course} onDone={onClose} onEnd={onClose} />
        </Modal>
    );
}
