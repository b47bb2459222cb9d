import { useCallback, useState } from "react";

/** A choice that stays as long as the tab does; null: none. */
export function useKept(name: string): [string | null, (value: string | null) => void] {
    const [value, setValue] = useState(() => sessionStorage.getItem(name));
    const keep = useCallback(
        (next: string | null) => {
            if (next === null) sessionStorage.removeItem(name);
            else sessionStorage.setItem(name, next);
            setValue(next);
        },
        [name],
    );
    return [value, keep];
}
