import { useRef, useState } from "react";
import { flushSync } from "react-dom";
import { Button } from "../ui/Button";
import { useT } from "../i18n";
import { lazyPart } from "../ui/lazy";

const EmojiPicker = lazyPart(() => import("./EmojiPicker"));

/** Opens the emoji; the chosen one is put where the cursor is. */
export function EmojiButton({ onChoose }: { onChoose(sign: string): void }) {
    const t = useT();
    const button = useRef<HTMLButtonElement>(null);
    const [open, setOpen] = useState(false);
    const choose = (sign: string): void => {
        flushSync(() => setOpen(false)); // the dialogue holds the focus while it is there
        onChoose(sign);
    };
    return (
        <>
            <Button ref={button} look="bare" aria-haspopup="dialog" onPress={() => setOpen(true)}>
                {t("emoji.open")}
            </Button>
            {open && <EmojiPicker onClose={() => setOpen(false)} onChoose={choose} />}
        </>
    );
}
