import { Direction, EventTimeline, type MatrixClient, type MatrixEvent, type Room } from "matrix-js-sdk";

const page = 30; // events asked for at once

/**
 * The part of a room's history that is shown: the SDK's timelines that hang together with one of them. It ends at the newest message, or,
 * around an older one or before a gap (a long absence), somewhere before.
 */
export class Span {
    constructor(
        private readonly mx: MatrixClient,
        private readonly room: Room,
        private readonly anchor: EventTimeline = room.getLiveTimeline(),
    ) {}

    /** Oldest first. */
    events(): MatrixEvent[] {
        const events: MatrixEvent[] = [];
        for (let one: EventTimeline | null = this.end(Direction.Backward); one; one = one.getNeighbouringTimeline(Direction.Forward)) events.push(...one.getEvents());
        return this.live ? events.concat(this.room.getPendingEvents().filter(({ threadRootId }) => !threadRootId)) : events;
    }

    /** It reaches the newest message. */
    get live(): boolean {
        return this.end(Direction.Forward) === this.room.getLiveTimeline();
    }

    /** There is more on that side than is loaded. */
    more(side: Direction): boolean {
        return !(side === Direction.Forward && this.live) && this.end(side).getPaginationToken(side) !== null;
    }

    async load(side: Direction): Promise<void> {
        if (!this.more(side)) return;
        await this.mx.paginateEventTimeline(this.end(side), { backwards: side === Direction.Backward, limit: page });
    }

    private end(side: Direction): EventTimeline {
        let end = this.anchor;
        for (let next = end.getNeighbouringTimeline(side); next; next = end.getNeighbouringTimeline(side)) end = next;
        return end;
    }
}

/** The span around an event; null: it is not there, or not for this person. */
export async function spanAround(mx: MatrixClient, room: Room, eventId: string): Promise<Span | null> {
    const timeline = await mx.getEventTimeline(room.getUnfilteredTimelineSet(), eventId);
    if (!timeline) return null;
    const span = new Span(mx, room, timeline);
    // The SDK asks for the event alone; what is around it decides where it is on the screen.
    if (span.events().length < page) await Promise.all([span.load(Direction.Backward), span.load(Direction.Forward)]);
    return span;
}
