import { CryptoEvent, type VerificationRequest } from "matrix-js-sdk/lib/crypto-api";
import { useCallback, useEffect, useState } from "react";
import { useClient } from "../client/context";
import { lazyPart } from "../ui/lazy";
import { Course } from "./course";

const IncomingDialog = lazyPart(() => import("./IncomingDialog"));

/** Shows, over whatever is there, that another device of one's own asks to be confirmed. */
export function Incoming() {
    const { mx } = useClient();
    const [course, setCourse] = useState<Course | null>(null);
    useEffect(() => {
        const hear = (request: VerificationRequest): void => {
            if (!request.isSelfVerification || request.initiatedByMe || !request.pending) return;
            setCourse((before) => (before?.request.pending ? before : new Course(request)));
        };
        mx.on(CryptoEvent.VerificationRequestReceived, hear);
        return () => void mx.off(CryptoEvent.VerificationRequestReceived, hear);
    }, [mx]);
    const close = useCallback(() => {
        course?.close();
        setCourse(null);
    }, [course]);
    return course && <IncomingDialog course={course} onClose={close} />;
}
