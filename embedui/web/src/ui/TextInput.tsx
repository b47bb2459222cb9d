import { FieldError } from "react-aria-components/FieldError";
import { Input } from "react-aria-components/Input";
import { Label } from "react-aria-components/Label";
import { Text } from "react-aria-components/Text";
import { TextField, type TextFieldProps } from "react-aria-components/TextField";

interface Props extends Omit<TextFieldProps, "children" | "className"> {
    label: string;
    hint?: string;
    /** A sentence about what is wrong with what was typed. */
    error?: string | null;
    /** What is typed is no sentence: no capitals or spelling of the browser's own, no suggestions. */
    exact?: boolean;
}

/** A line of text with its label, its hint and its error. */
export function TextInput({ label, hint, error, exact, ...props }: Props) {
    return (
        <TextField {...props} className="field" isInvalid={Boolean(error)} validationBehavior="aria">
            <Label>{label}</Label>
            <Input className="input" {...(exact && { autoCapitalize: "none", autoComplete: "off", autoCorrect: "off", spellCheck: false })} />
            {hint && (
                <Text slot="description" className="hint">
                    {hint}
                </Text>
            )}
            <FieldError className="error">{error}</FieldError>
        </TextField>
    );
}
