import { ConnectionError, MatrixError, type MatrixEvent } from "matrix-js-sdk";

const first = 1000; // milliseconds
const longest = 10_000;

/** Whether what failed can go by itself later: the line or the server was away, or asked to wait. */
export function passing(error: unknown): boolean {
    if (error instanceof ConnectionError) return true;
    if (error instanceof MatrixError) return error.httpStatus === undefined || error.httpStatus === 429 || error.httpStatus >= 500;
    return error instanceof TypeError || (error instanceof Error && ["AbortError", "TimeoutError"].includes(error.name));
}

/** How long to wait after so many failures in a row. */
export function pauseAfter(failures: number, error: unknown): number {
    const asked = error instanceof MatrixError && error.isRateLimitError() ? error.getRetryAfterMs() : null;
    return asked ?? Math.min(first * 2 ** (failures - 1), longest);
}

/** One queue for each room: what is written there arrives in that order, and no room waits for another. */
export const roomQueue = (event: MatrixEvent): string => event.getRoomId()!;
