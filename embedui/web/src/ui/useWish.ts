import { useCallback, useEffect, useRef, useState } from "react";
import { useAction } from "./useAction";

/**
 * A setting that the server keeps: what was chosen shows at once, and goes back where the server refuses. Choices go one after the other, as
 * arrow keys make many; `apply` must stay the same function.
 */
export function useWish<V>(actual: V, apply: (value: V) => Promise<unknown>): { value: V; choose(value: V): void; fault: string | null } {
    const [wish, setWish] = useState<{ value: V } | null>(null);
    const last = useRef<Promise<unknown>>(Promise.resolve());
    const { run, busy, fault } = useAction(
        useCallback((value: V) => (last.current = last.current.catch(() => {}).then(() => apply(value))), [apply]),
    );
    useEffect(() => {
        if (wish && (fault || (!busy && wish.value === actual))) setWish(null);
    }, [wish, fault, busy, actual]);
    const choose = (value: V): void => {
        setWish({ value });
        run(value);
    };
    return { value: wish ? wish.value : actual, choose, fault };
}
