import type { Room } from "matrix-js-sdk";
import { useCallback, useEffect, useRef, useState } from "react";
import { onMoved, useRoute } from "../app/route";
import { useClient } from "../client/context";
import { faultText } from "../client/fault";
import { useT } from "../i18n";
import { Span, spanAround } from "./span";
import { readUpTo } from "./unread";

/** Where the timeline is scrolled to: the newest message, the first one that is not read, or one that was asked for. */
export type Target = { kind: "end" } | { kind: "unread" } | { kind: "event"; id: string };

export interface Place {
    span: Span;
    /** The last event that was read when the room was opened. */
    read: string | null;
    /** Another object for each time that one goes there. */
    target: Target;
}

export interface Opened {
    place: Place | null;
    fault: string | null;
    show(id: string, target?: Target): void;
    showEnd(): void;
}

/** Opens a room at the event that its address names, or else at the first unread message; and goes elsewhere in it. */
export function usePlace(room: Room): Opened {
    const t = useT();
    const { mx } = useClient();
    const route = useRoute();
    const wanted = route.page === "room" && route.id === room.roomId ? route.event : undefined;
    const [known] = useState(() => readUpTo(mx, room));
    const read = known?.id ?? null;
    const atOnce = !wanted && (!known || known.here); // nothing has to be asked for
    const [place, setPlace] = useState<Place | null>(() => (atOnce ? { span: new Span(mx, room), read, target: { kind: "unread" } } : null));
    const [fault, setFault] = useState<string | null>(null);
    const last = useRef(0);

    const showEnd = useCallback(() => {
        last.current++;
        setFault(null);
        setPlace({ span: new Span(mx, room), read, target: { kind: "end" } });
    }, [mx, room, read]);
    const show = useCallback(
        (id: string, target: Target = { kind: "event", id }) => {
            const turn = ++last.current;
            setFault(null);
            spanAround(mx, room, id)
                .then((span) => {
                    if (turn !== last.current) return;
                    if (span) return setPlace({ span, read, target });
                    showEnd();
                    setFault(t("timeline.missing"));
                })
                .catch((error: unknown) => {
                    if (turn !== last.current) return;
                    showEnd();
                    if (target.kind === "event") setFault(missing(error) ? t("timeline.missing") : faultText(error));
                });
        },
        [mx, room, read, t, showEnd],
    );
    useEffect(() => {
        if (wanted) show(wanted);
        else if (!place && read) show(read, { kind: "unread" });
    }, [wanted]);
    useEffect(() => onMoved((to) => void (to.page === "room" && to.id === room.roomId && to.event && to.event === wanted && show(to.event))), [room, wanted, show]);
    return { place, fault, show, showEnd };
}

function missing(error: unknown): boolean {
    const status = (error as { httpStatus?: number }).httpStatus;
    return status === 404 || status === 403 || status === 400;
}
