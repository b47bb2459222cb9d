// One tab holds the client: two would write to the same crypto store. (Web Locks; localStorage has no such promise.)

const name = "beffroi-client";
const patience = 4000; // milliseconds that the other tab has to close its stores before the lock is taken from it

/** The right of this tab to open the client. */
export interface Hold {
    /** Resolves when another tab asks for the client, or has taken it. */
    lost: Promise<void>;
    /** Gives the right back, after the stores are closed. */
    release(): void;
}

/** Gives null where another tab holds the client, unless `take`: then that tab is asked to hand it over. */
export async function hold(take: boolean): Promise<Hold | null> {
    if (!take) return request({ ifAvailable: true });
    post("take");
    const impatience = new AbortController();
    const timer = setTimeout(() => impatience.abort(), patience);
    try {
        return await request({ signal: impatience.signal });
    } catch (error) {
        if (!impatience.signal.aborted) throw error;
        return request({ steal: true });
    } finally {
        clearTimeout(timer);
    }
}

function request(options: LockOptions): Promise<Hold | null> {
    return new Promise((resolve, reject) => {
        let lose = (): void => {};
        const lost = new Promise<void>((done) => (lose = done));
        navigator.locks
            .request(name, options, (lock) => {
                if (!lock) return resolve(null);
                return new Promise<void>((release) => {
                    const channel = listen(lose);
                    resolve({ lost, release: () => (channel.close(), release()) });
                });
            })
            .catch((error: unknown) => (lose(), reject(error))); // refused before, or stolen after, it was held
    });
}

function post(message: string): void {
    const channel = new BroadcastChannel(name);
    channel.postMessage(message);
    channel.close();
}

function listen(taken: () => void): BroadcastChannel {
    const channel = new BroadcastChannel(name);
    channel.onmessage = ({ data }) => data === "take" && taken();
    return channel;
}
