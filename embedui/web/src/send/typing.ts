import type { MatrixClient } from "matrix-js-sdk";

const shown = 20_000; // milliseconds that others see it
const every = 10_000;

/** Tells a room's others that one writes, not more often than is needed. What is lost of it is lost. */
export class Typing {
    private since = 0;

    constructor(
        private readonly mx: MatrixClient,
        private readonly room: string,
    ) {}

    writes(now = Date.now()): void {
        if (now - this.since < every) return;
        this.since = now;
        this.mx.sendTyping(this.room, true, shown).catch(() => {});
    }

    stops(): void {
        if (!this.since) return;
        this.since = 0;
        this.mx.sendTyping(this.room, false, 0).catch(() => {});
    }
}
