import { expect, test } from "vitest";
import { Ahead } from "./ahead";
import type { Session } from "./session";

const session: Session = { userId: "@a:b", deviceId: "D", accessToken: "t" };
const base = "https://b/_matrix/client/";

function memory(): Storage {
    const all = new Map<string, string>();
    return { getItem: (name: string) => all.get(name) ?? null, setItem: (name: string, text: string) => void all.set(name, text) } as unknown as Storage;
}

/** A server that notes what it is asked. */
function server(status = 200): { asked: string[]; get: typeof fetch } {
    const asked: string[] = [];
    return { asked, get: async (input, init) => (asked.push(`${String(input)} ${new Headers(init?.headers).get("Authorization")}`), new Response("{}", { status })) };
}

async function start(ahead: Ahead): Promise<(Response | null)[]> {
    const answers = [];
    for (const path of ["versions", "v3/pushrules/", "v3/sync?since=1"]) answers.push(await ahead.answer(base + path, "GET"));
    return answers;
}

test("what was asked before the first sync is asked for at once the next time, and given once", async () => {
    const storage = memory();
    const first = server();
    expect(await start(new Ahead(session, storage, first.get))).toEqual([null, null, null]);
    expect(first.asked).toEqual([]);

    const second = server();
    const ahead = new Ahead(session, storage, second.get);
    expect(second.asked).toEqual([`${base}versions Bearer t`, `${base}v3/pushrules/ Bearer t`]);
    expect((await start(ahead)).map((answer) => answer?.status)).toEqual([200, 200, undefined]);
    expect(await ahead.answer(base + "versions", "GET")).toBeNull();
    expect(await ahead.answer(base + "versions", "GET")).toBeNull();
});

test("an error is no answer, and a token that ends is not used", async () => {
    const storage = memory();
    await start(new Ahead(session, storage, server().get));
    expect(await start(new Ahead(session, storage, server(401).get))).toEqual([null, null, null]);
    const late = server();
    new Ahead({ ...session, expiresAt: Date.now() + 1000 }, storage, late.get);
    new Ahead({ ...session, asleep: true }, storage, late.get);
    expect(late.asked).toEqual([]);
});

test("what somebody spoiled is as if it were not there", () => {
    const storage = memory();
    for (const text of ["{", "{}", "[1, null]"]) {
        storage.setItem("beffroi.ahead", text);
        expect(() => new Ahead(session, storage, server().get)).not.toThrow();
    }
});
