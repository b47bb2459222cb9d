import { useCallback, useEffect, useState } from "react";
import { useClient } from "../client/context";
import { useT } from "../i18n";
import { Fault } from "../ui/Fault";
import { useAction } from "../ui/useAction";
import Confirmation from "./Confirmation";
import { Course } from "./course";

interface Props {
    onDone(): void;
    onEnd(): void;
}

/** Asks one's other devices to confirm this one. */
export default function Outgoing({ onDone, onEnd }: Props) {
    const t = useT();
    const { mx } = useClient();
    const [course, setCourse] = useState<Course | null>(null);
    const ask = useAction(useCallback(async () => setCourse(new Course(await mx.getCrypto()!.requestOwnUserVerification())), [mx]));
    const { run } = ask;
    useEffect(() => run(), [run]);
    useEffect(() => () => course?.close(), [course]);
    const end = (): void => (course?.cancel(), onEnd());
    if (!course) return ask.fault ? <Fault>{ask.fault}</Fault> : <p role="status">{t("verification.step.waiting")}</p>;
    return <Confirmation course={course} onDone={onDone} onEnd={end} />;
}
