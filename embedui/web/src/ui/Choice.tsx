import { useId } from "react";

interface Props<V extends string> {
    /** What is chosen. */
    label: string;
    options: readonly { value: V; label: string; hint?: string }[];
    value: V;
    isDisabled?: boolean;
    onChange(value: V): void;
}

/** One of a few, each with its words, all seen at once. */
export function Choice<V extends string>({ label, options, value, isDisabled = false, onChange }: Props<V>) {
    const name = useId();
    return (
        <fieldset className="choice" disabled={isDisabled}>
            <legend>{label}</legend>
            {options.map((option) => (
                <label key={option.value} className="option">
                    <input type="radio" name={name} value={option.value} checked={option.value === value} onChange={() => onChange(option.value)} />
                    <span className="words">
                        <span>{option.label}</span>
                        {option.hint && <span className="hint">{option.hint}</span>}
                    </span>
                </label>
            ))}
        </fieldset>
    );
}
