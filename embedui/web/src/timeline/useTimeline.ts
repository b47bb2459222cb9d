import { Direction, MatrixEventEvent, RoomEvent, RoomMemberEvent, type MatrixEvent, type Room, type RoomMember } from "matrix-js-sdk";
import { useCallback, useEffect, useMemo, useReducer, useRef, useState } from "react";
import { useClient } from "../client/context";
import { faultText } from "../client/fault";
import type { Item } from "./items";
import { Lines } from "./lines";
import type { Span } from "./span";

interface Shown {
    items: readonly Item[];
    lines: Lines;
    /** The side on which more is being loaded. */
    loading: Direction | null;
    fault: string | null;
    load(side: Direction): void;
}

/** The lines of a span, and how to see more of it. `after`: the last event that was read. */
export function useTimeline(room: Room, span: Span, after: string | null): Shown {
    const { mx, config } = useClient();
    const lines = useMemo(
        () => new Lines({ me: mx.getSafeUserId(), skips: ({ who, whom }) => Boolean(config.custodian) && [who, whom].includes(config.custodian) }),
        [mx, config, room],
    );
    const version = useChanges(room, lines);
    const items = useMemo(() => lines.build(span.events(), after), [lines, span, after, version]);
    return { items, lines, ...useLoading(span) };
}

function useLoading(span: Span): Pick<Shown, "loading" | "fault" | "load"> {
    const [loading, setLoading] = useState<Direction | null>(null);
    const [fault, setFault] = useState<string | null>(null);
    const busy = useRef(false);
    useEffect(() => setFault(null), [span]);
    const load = useCallback(
        (side: Direction) => {
            if (busy.current || !span.more(side)) return;
            busy.current = true;
            setLoading(side);
            setFault(null);
            span.load(side)
                .catch((error: unknown) => setFault(faultText(error)))
                .finally(() => ((busy.current = false), setLoading(null)));
        },
        [span],
    );
    return { loading, fault, load };
}

/** A number that rises, once a frame at most, with what is shown; `lines` forgets what has changed. */
function useChanges(room: Room, lines: Lines): number {
    const { mx } = useClient();
    const [version, bump] = useReducer((n: number) => n + 1, 0);
    useEffect(() => {
        let frame = 0;
        const soon = (): void => void (frame ||= requestAnimationFrame(() => ((frame = 0), bump())));
        const changed = (event: MatrixEvent | null | undefined): void => {
            if (event?.getRoomId() !== room.roomId) return;
            lines.forget(event);
            const target = event.getAssociatedId() && room.findEventById(event.getAssociatedId()!);
            if (target) lines.forget(target);
            soon();
        };
        const redacted = (redaction: MatrixEvent): void => {
            changed(room.findEventById(redaction.event.redacts ?? String(redaction.getContent().redacts)));
            soon();
        };
        const added = (event: MatrixEvent): void => (event.isRelation() ? changed(event) : soon());
        const named = (_event: MatrixEvent, member: RoomMember): void => {
            if (member.roomId !== room.roomId) return;
            for (const event of room.getLiveTimeline().getEvents()) if (event.getSender() === member.userId) lines.forget(event);
            soon();
        };
        const inRoom = [
            [RoomEvent.Timeline, added], [RoomEvent.TimelineReset, soon], [RoomEvent.LocalEchoUpdated, changed],
            [RoomEvent.Redaction, redacted], [RoomEvent.RedactionCancelled, redacted],
        ] as const;
        const inClient = [[MatrixEventEvent.Decrypted, changed], [MatrixEventEvent.Replaced, changed], [RoomMemberEvent.Name, named]] as const;
        inRoom.forEach(([name, hear]) => room.on(name, hear as never));
        inClient.forEach(([name, hear]) => mx.on(name, hear as never));
        bump(); // what happened between the drawing and now
        return () => {
            cancelAnimationFrame(frame);
            inRoom.forEach(([name, hear]) => room.off(name, hear as never));
            inClient.forEach(([name, hear]) => mx.off(name, hear as never));
        };
    }, [mx, room, lines]);
    return version;
}
