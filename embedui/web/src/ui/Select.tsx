import { useId } from "react";

interface Props<V extends string> {
    label: string;
    options: readonly { value: V; label: string }[];
    value: V;
    isDisabled?: boolean;
    onChange(value: V): void;
}

/** One of many. The browser's own list: every phone and screen reader knows it. */
export function Select<V extends string>({ label, options, value, isDisabled = false, onChange }: Props<V>) {
    const id = useId();
    return (
        <div className="field">
            <label htmlFor={id}>{label}</label>
            <select id={id} className="input" value={value} disabled={isDisabled} onChange={(event) => onChange(event.target.value as V)}>
                {options.map((option) => (
                    <option key={option.value} value={option.value}>{option.label}</option>
                ))}
            </select>
        </div>
    );
}
