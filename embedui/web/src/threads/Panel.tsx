import type { Room } from "matrix-js-sdk";
import { useEffect, useRef, type ReactNode } from "react";
import { useNarrow } from "../app/useNarrow";
import { useT } from "../i18n";
import { showThread } from "../message/jump";
import { focusComposer } from "../timeline/Composer";
import { Button } from "../ui/Button";
import { useTitle } from "../ui/title";

/** A part beside a room with its heading and the way back; on a narrow screen it is the page. */
export function Panel({ room, title, children }: { room: Room; title: string; children: ReactNode }) {
    const t = useT();
    const narrow = useNarrow();
    const heading = useRef<HTMLHeadingElement>(null);
    useTitle(`${title} · ${room.name}`);
    useEffect(() => heading.current?.focus(), []);
    const Frame = narrow ? "main" : "aside";
    const Title = narrow ? "h1" : "h2";
    const close = (): void => {
        showThread(room.roomId, null);
        requestAnimationFrame(() => focusComposer());
    };
    return (
        <Frame className="details thread" id={narrow ? "content" : undefined} aria-labelledby="thread-title">
            <div className="details-header">
                <Title id="thread-title" ref={heading} tabIndex={-1}>{title}</Title>
                <Button look="bare" onPress={close}>{t("thread.close")}</Button>
            </div>
            {children}
        </Frame>
    );
}
