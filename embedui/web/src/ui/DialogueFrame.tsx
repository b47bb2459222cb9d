import type { ReactNode } from "react";
import { useT } from "../i18n";
import { Button } from "./Button";

/** Stands where a dialogue will be while it comes; the real ones bring the component library's dialogue with them. */
export function DialogueFrame({ children, onClose }: { children: ReactNode; onClose?(): void }) {
    const t = useT();
    return (
        <div className="veil">
            <div className="modal dialog" role="dialog" aria-label={t("part.loading")}>
                {children}
                <div className="buttons">
                    <Button onPress={() => onClose?.()}>{t("common.close")}</Button>
                </div>
            </div>
        </div>
    );
}
