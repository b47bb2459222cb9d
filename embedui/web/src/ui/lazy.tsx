import { useCallback, useEffect, useState, type ComponentType, type ReactNode } from "react";
import { useT } from "../i18n";
import { Button } from "./Button";

interface Options {
    /** Stands around what is said while the part comes, and where it did not come; a dialogue, for instance. */
    frame?: ComponentType<{ children: ReactNode; onClose?(): void }>;
}

/**
 * A component that comes by import() when it is drawn first; `load` gives the module whose default export it is. While it comes it says so;
 * where it does not, it says that and offers to try again.
 */
export function lazyPart<P extends object>(load: () => Promise<{ default: ComponentType<P> }>, { frame: Frame }: Options = {}): ComponentType<P> {
    let here: ComponentType<P> | null = null; // drawn at once the second time
    return function LazyPart(props: P) {
        const [, draw] = useState(0);
        const [failed, setFailed] = useState(false);
        const bring = useCallback(() => {
            setFailed(false);
            load().then((module) => ((here = module.default), draw((n) => n + 1)), () => setFailed(true));
        }, []);
        useEffect(() => void (here ?? bring()), [bring]);
        if (here) return <Loaded part={here} props={props} />;
        const said = failed ? <NotLoaded onRetry={bring} /> : <Loading />;
        return Frame ? <Frame onClose={(props as { onClose?(): void }).onClose}>{said}</Frame> : said;
    };
}

function Loaded<P extends object>({ part: Part, props }: { part: ComponentType<P>; props: P }) {
    return <Part {...props} />;
}

function Loading() {
    return (
        <p className="quiet part" role="status">
            {useT()("part.loading")}
        </p>
    );
}

/** A new version of the client has other file names: then only loading the page again helps. */
function NotLoaded({ onRetry }: { onRetry(): void }) {
    const t = useT();
    return (
        <div className="part">
            <p className="notice error" role="alert">{t("part.failed")}</p>
            <div className="buttons">
                <Button autoFocus onPress={onRetry}>{t("part.retry")}</Button>
                <Button onPress={() => location.reload()}>{t("part.reload")}</Button>
            </div>
        </div>
    );
}
