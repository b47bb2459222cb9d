import { useEffect, useReducer } from "react";

/** What the SDK's objects have in common. */
interface Emitter {
    on(event: never, listener: (...args: never[]) => void): unknown;
    off(event: never, listener: (...args: never[]) => void): unknown;
}

const pause = 30; // milliseconds in which many events make one drawing

/**
 * Draws the component again after each of the events: the SDK changes its objects in place. Gives a number that rises, for the
 * dependencies of memos. `names` must be the same array each time.
 */
export function useEvents(emitter: Emitter, names: readonly string[]): number {
    const [version, bump] = useReducer((n: number) => n + 1, 0);
    useEffect(() => {
        let timer: ReturnType<typeof setTimeout> | undefined;
        const soon = (): void => {
            timer ??= setTimeout(() => ((timer = undefined), bump()), pause);
        };
        names.forEach((name) => emitter.on(name as never, soon));
        bump(); // what happened between the drawing and now
        return () => {
            clearTimeout(timer);
            names.forEach((name) => emitter.off(name as never, soon));
        };
    }, [emitter, names]);
    return version;
}
