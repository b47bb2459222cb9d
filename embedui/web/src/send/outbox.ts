import { ClientEvent, EventStatus, KnownMembership, RoomEvent, SyncState, type MatrixClient, type MatrixEvent, type Room } from "matrix-js-sdk";
import { passing, pauseAfter } from "./retry";
import type { OutboxStore } from "./store";

/** How the sending of a message goes. "waiting": it goes by itself when the line is back, or what is before it is gone. */
export type Progress = "sending" | "waiting" | "failed";

/**
 * Sends messages in the order of writing, room by room, until the server has them or says no; over lost lines and reloads, each once. The SDK
 * shows and encrypts them; its own store of what is pending keeps no message that isn't encrypted yet, and never sends one again by itself.
 */
export class Outbox {
    private readonly failures = new Map<string, number>();
    private readonly timers = new Map<string, ReturnType<typeof setTimeout>>();
    private readonly busy = new Set<string>();
    private stopped = false;

    constructor(
        private readonly mx: MatrixClient,
        private readonly store: OutboxStore,
    ) {}

    /** Puts what an earlier page left into the queue again, and goes on whenever the line comes back. */
    start(): void {
        for (const { txn, room: id, type, content } of [...this.store.all()]) {
            const room = this.mx.getRoom(id);
            if (room?.getMyMembership() !== KnownMembership.Join || arrived(room, txn)) this.store.remove(txn);
            else this.hand(room, type, content, txn);
        }
        this.mx.on(RoomEvent.LocalEchoUpdated, this.echo);
        this.mx.on(ClientEvent.Sync, this.synced);
        addEventListener("online", this.goOn);
    }

    /** Leaves the rest to the next page. */
    stop(): void {
        this.stopped = true;
        this.timers.forEach((timer) => clearTimeout(timer));
        this.mx.off(RoomEvent.LocalEchoUpdated, this.echo);
        this.mx.off(ClientEvent.Sync, this.synced);
        removeEventListener("online", this.goOn);
    }

    /** Whether all that is not sent yet is kept over a closing of the page. */
    get safe(): boolean {
        return this.store.safe;
    }

    send(room: Room, type: string, content: object): void {
        const txn = this.mx.makeTxnId();
        this.store.add({ txn, room: room.roomId, type, content, at: Date.now() });
        this.hand(room, type, content, txn);
    }

    progress(event: MatrixEvent): Progress {
        if (event.status !== EventStatus.NOT_SENT) return "sending";
        return !event.error || passing(event.error) ? "waiting" : "failed";
    }

    /** Whether a message waits for another one, which the server refused. */
    held(room: Room, event: MatrixEvent): boolean {
        const head = room.getPendingEvents().find(({ status }) => status === EventStatus.NOT_SENT);
        return Boolean(head && head !== event && this.progress(head) === "failed");
    }

    /** Tries once more to send what the server refused, and what waits behind it. */
    retry(room: Room, event: MatrixEvent): void {
        event.error = null;
        this.push(room);
    }

    discard(room: Room, event: MatrixEvent): void {
        this.mx.cancelPendingEvent(event);
        this.push(room);
    }

    private hand(room: Room, type: string, content: object, txn: string): void {
        const thread = threadOf(content);
        const root = thread && room.findEventById(thread);
        if (root && !room.getThread(thread)) room.createThread(thread, root, [root], true); // the SDK shows no answer of one's own without it
        this.mx.sendEvent(room.roomId, thread, type as never, content as never, txn).then(
            () => this.failures.delete(room.roomId),
            () => this.later(room),
        );
    }

    /** Sends what has failed, the oldest first, as long as that goes well. */
    private push(room: Room): void {
        clearTimeout(this.timers.get(room.roomId));
        this.timers.delete(room.roomId);
        if (this.busy.has(room.roomId) || this.stopped) return;
        this.busy.add(room.roomId);
        void this.pushAll(room).finally(() => this.busy.delete(room.roomId));
    }

    private async pushAll(room: Room): Promise<void> {
        for (let next = this.next(room); next; next = this.next(room)) {
            try {
                await this.mx.resendEvent(next, room);
                this.failures.delete(room.roomId);
            } catch {
                return this.later(room);
            }
        }
    }

    /** The first one that is not sent, unless the server refused it: then the user decides. */
    private next(room: Room): MatrixEvent | null {
        const head = room.getPendingEvents().find((event) => event.status === EventStatus.NOT_SENT);
        return head && this.progress(head) === "waiting" && !this.stopped ? head : null;
    }

    private later(room: Room): void {
        if (this.stopped || this.timers.has(room.roomId) || !this.next(room)) return;
        const failures = (this.failures.get(room.roomId) ?? 0) + 1;
        this.failures.set(room.roomId, failures);
        this.timers.set(room.roomId, setTimeout(() => this.push(room), pauseAfter(failures, this.next(room)!.error)));
    }

    private readonly goOn = (): void => {
        this.mx.getRooms().filter((room) => this.next(room)).forEach((room) => this.push(room));
    };

    private readonly synced = (state: SyncState, before: SyncState | null): void => {
        if (state === SyncState.Syncing && before !== SyncState.Syncing) this.goOn();
    };

    private readonly echo = (event: MatrixEvent): void => {
        const gone = [null, EventStatus.SENT, EventStatus.CANCELLED].includes(event.status);
        const txn = event.getTxnId();
        if (gone && txn) this.store.remove(txn);
    };
}

function threadOf(content: object): string | null {
    const relation = (content as { "m.relates_to"?: { rel_type?: string; event_id?: string } })["m.relates_to"];
    return relation?.rel_type === "m.thread" ? (relation.event_id ?? null) : null;
}

/** The server had it before the page closed: only its answer was lost. */
function arrived(room: Room, txn: string): boolean {
    return room.getLiveTimeline().getEvents().some((event) => event.getUnsigned().transaction_id === txn);
}
