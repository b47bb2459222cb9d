import { useCallback, useState } from "react";
import { faultText } from "../client/fault";

interface Action<A extends unknown[]> {
    run(...args: A): void;
    busy: boolean;
    /** A sentence about the last failure. */
    fault: string | null;
}

/** Runs what the server has a part in: one at a time, with the sentence of its failure. */
export function useAction<A extends unknown[]>(action: (...args: A) => Promise<unknown>): Action<A> {
    const [busy, setBusy] = useState(false);
    const [fault, setFault] = useState<string | null>(null);
    const run = useCallback(
        (...args: A) => {
            setBusy(true);
            setFault(null);
            action(...args)
                .catch((error: unknown) => setFault(faultText(error)))
                .finally(() => setBusy(false));
        },
        [action],
    );
    return { run, busy, fault };
}
