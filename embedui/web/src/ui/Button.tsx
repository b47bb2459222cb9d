import type { Ref } from "react";
import { Button as AriaButton, type ButtonProps } from "react-aria-components/Button";

interface Props extends Omit<ButtonProps, "className"> {
    look?: "primary" | "danger" | "bare" | "plain";
    ref?: Ref<HTMLButtonElement>;
}

/** A button of the design system; its words say what it does. */
export function Button({ look = "plain", ...props }: Props) {
    return <AriaButton {...props} className={`btn ${look}`} />;
}
