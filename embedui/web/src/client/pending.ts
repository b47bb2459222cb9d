import { EventStatus, RoomEvent, type MatrixClient } from "matrix-js-sdk";

// Messages on their way. The SDK keeps them over a reload only once they are encrypted; until then they live in this tab alone.

const longest = 3000; // milliseconds; less than tab.ts has patience for

function statuses(mx: MatrixClient): (EventStatus | null)[] {
    return mx.getRooms().flatMap((room) => room.getPendingEvents().map((event) => event.status));
}

/** Asks before the page is closed while a message is not sent. */
export function guardUnsent(mx: MatrixClient): () => void {
    const ask = (event: BeforeUnloadEvent): void => {
        if (statuses(mx).length > 0) event.preventDefault();
    };
    addEventListener("beforeunload", ask);
    return () => removeEventListener("beforeunload", ask);
}

/** Resolves when nothing is on its way any more, or after a few seconds: another tab waits. What failed does not count. */
export function allSent(mx: MatrixClient): Promise<void> {
    return new Promise((resolve) => {
        const look = (): void => {
            if (statuses(mx).every((status) => status === EventStatus.NOT_SENT)) done();
        };
        const done = (): void => {
            clearTimeout(timer);
            mx.off(RoomEvent.LocalEchoUpdated, look);
            resolve();
        };
        const timer = setTimeout(done, longest);
        mx.on(RoomEvent.LocalEchoUpdated, look);
        look();
    });
}
