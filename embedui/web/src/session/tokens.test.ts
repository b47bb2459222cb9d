import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Session } from "./session";
import { Tokens } from "./tokens";

const ask = { headers: { Authorization: "Bearer whatever" } };
let good: string; // the token that the server takes
let refresh: () => Response;
let saved: Session[];

beforeEach(() => {
    good = "new";
    refresh = () => Response.json({ access_token: "new", refresh_token: "r2", expires_in_ms: 3_600_000 });
    saved = [];
    vi.stubGlobal("fetch", vi.fn(async (url: string, init?: RequestInit) => {
        if (url.endsWith("/refresh")) return refresh();
        if (new Headers(init?.headers).get("Authorization") === `Bearer ${good}`) return Response.json({ ok: true });
        return Response.json({ errcode: "M_UNKNOWN_TOKEN", soft_logout: true }, { status: 401 });
    }));
});
afterEach(() => vi.unstubAllGlobals());

const session: Session = { userId: "@a:b", deviceId: "D", accessToken: "old", refreshToken: "r1" };
const tokens = (changes: Partial<Session> = {}) => new Tokens("http://b", { ...session, ...changes }, (s) => saved.push(s));
const refreshes = () => vi.mocked(fetch).mock.calls.filter(([url]) => String(url).endsWith("/refresh")).length;

test("a token that the server no longer knows is renewed once for all who ask, and kept", async () => {
    const t = tokens();
    const answers = await Promise.all([t.fetch("http://b/1", ask), t.fetch("http://b/2", ask), t.fetch("http://b/3", ask)]);
    expect(answers.map((a) => a.status)).toEqual([200, 200, 200]);
    expect(refreshes()).toBe(1);
    expect(saved).toMatchObject([{ userId: "@a:b", deviceId: "D", accessToken: "new", refreshToken: "r2" }]);
});

test("a token is renewed before it ends", async () => {
    good = "new";
    expect((await tokens({ expiresAt: Date.now() + 1000 }).fetch("http://b/1", ask)).status).toBe(200);
    expect(vi.mocked(fetch).mock.calls.map(([url]) => url)).toEqual(["http://b/_matrix/client/v3/refresh", "http://b/1"]);
});

test("a refused renewal gives its own answer, which says whether keys stay", async () => {
    refresh = () => Response.json({ errcode: "M_UNKNOWN_TOKEN", soft_logout: false }, { status: 401 });
    const answer = await tokens().fetch("http://b/1", ask);
    expect(await answer.json()).toEqual({ errcode: "M_UNKNOWN_TOKEN", soft_logout: false });
    expect(saved).toEqual([]);
});

test("a dead line while renewing is a dead line, not the end of the session", async () => {
    refresh = () => {
        throw new TypeError("Failed to fetch");
    };
    await expect(tokens().fetch("http://b/1", ask)).rejects.toThrow("Failed to fetch");
    refresh = () => Response.json({ access_token: "new" });
    expect((await tokens().fetch("http://b/1", ask)).status).toBe(200);
});

test("without a refresh token the answer stays, and what carries no token is left alone", async () => {
    expect((await tokens({ refreshToken: undefined }).fetch("http://b/1", ask)).status).toBe(401);
    await tokens().fetch("http://b/public");
    expect(new Headers(vi.mocked(fetch).mock.lastCall![1]?.headers).has("Authorization")).toBe(false);
    expect(refreshes()).toBe(0);
});

test("a stopped client neither asks nor renews, and what was on its way is not kept", async () => {
    const t = tokens();
    const answer = t.fetch("http://b/1", ask);
    t.stop();
    await answer.catch(() => {});
    await expect(t.fetch("http://b/2", ask)).rejects.toThrow("stopped");
    expect(saved).toEqual([]);
});
