import { lazy, Suspense, useMemo, type ReactElement } from "react";
import { useT } from "../i18n";
import { useRecovery } from "../recovery/RecoveryGate";
import type { Body, Lock } from "../timeline/body";
import { Button } from "../ui/Button";
import { Boundary } from "../ui/Boundary";
import { emojiOnly } from "./emojiOnly";
import { linked } from "./linked";
import { straight } from "./tree";

const RichText = lazy(() => import("./RichText"));

/** What a message says. `name` is its sender's: it stands before what they do ("/me"). */
export function BodyView({ body, name }: { body: Exclude<Body, { kind: "poll" }>; name: string }) {
    const t = useT();
    switch (body.kind) {
        case "text":
            return <TextView body={body} name={name} />;
        case "file":
            return (
                <>
                    <p className="aside">{t("message.fileHere", { name: body.name })}</p>
                    {body.caption && <Plain text={body.caption} />}
                </>
            );
        case "locked":
            return <LockedView lock={body.lock} />;
        default:
            return <p className="aside">{t(`message.${body.kind}`)}</p>;
    }
}

function TextView({ body, name }: { body: Extract<Body, { kind: "text" }>; name: string }) {
    const large = useMemo(() => emojiOnly(body.text), [body.text]);
    const before = body.emote ? `${name} ` : undefined;
    if (large && !before) return <p className="text large">{body.text}</p>;
    const plain = <Plain text={body.text} before={before} />;
    const view = body.html ? <Formatted html={body.html} before={before} plain={plain} /> : plain;
    return body.notice ? <div className="automatic">{view}</div> : view;
}

/** The plain text stands there until what reads HTML has come, and where it does not come. */
function Formatted({ html, before, plain }: { html: string; before?: string; plain: ReactElement }) {
    return (
        <Boundary fallback={() => plain}>
            <Suspense fallback={plain}>
                <RichText html={html} before={before}>{plain}</RichText>
            </Suspense>
        </Boundary>
    );
}

function Plain({ text, before }: { text: string; before?: string }) {
    const parts = useMemo(() => linked(straight(text)), [text]);
    return <p className="text" dir="auto">{before}{parts}</p>;
}

function LockedView({ lock }: { lock: Lock }) {
    const t = useT();
    const { state, ask } = useRecovery();
    const byCode = state === "locked" && lock !== "before";
    return (
        <div className="locked">
            <p>
                <b>{t("message.locked")}</b> {t(`lock.${byCode ? "code" : lock}`)}
            </p>
            {byCode && <Button onPress={ask}>{t("recovery.enter")}</Button>}
        </div>
    );
}
