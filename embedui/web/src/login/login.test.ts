import { afterEach, expect, test, vi } from "vitest";
import { deviceName, faultOf, logIn, loginName } from "./login";

afterEach(() => vi.unstubAllGlobals());

const answer = (status: number, body: unknown) => vi.stubGlobal("fetch", vi.fn(async () => new Response(JSON.stringify(body), { status })));

test("a log-in asks for a refresh token and keeps when the access token ends", async () => {
    answer(200, { user_id: "@a:b", device_id: "D", access_token: "t", refresh_token: "r", expires_in_ms: 1000 });
    const before = Date.now();
    const session = await logIn("http://b", "a", "secret", "Beffroi, Firefox");
    expect(session).toMatchObject({ userId: "@a:b", deviceId: "D", accessToken: "t", refreshToken: "r" });
    expect(session.expiresAt).toBeGreaterThanOrEqual(before + 1000);
    const sent = JSON.parse(vi.mocked(fetch).mock.calls[0]![1]!.body as string);
    expect(sent).toMatchObject({ refresh_token: true, initial_device_display_name: "Beffroi, Firefox" });
});

test("a session that sleeps keeps its device", async () => {
    answer(200, { user_id: "@a:b", device_id: "D", access_token: "t" });
    await logIn("http://b", "@a:b", "secret", "Beffroi", { userId: "@a:b", deviceId: "D", accessToken: "old", asleep: true });
    expect(JSON.parse(vi.mocked(fetch).mock.calls[0]![1]!.body as string)).toMatchObject({ device_id: "D" });
});

test("a refusal and a dead line have their own sentences", async () => {
    answer(403, { errcode: "M_FORBIDDEN" });
    await expect(logIn("http://b", "a", "x", "d")).rejects.toMatchObject({ fault: "wrong" });
    vi.stubGlobal("fetch", vi.fn(async () => Promise.reject(new TypeError("Failed to fetch"))));
    await expect(logIn("http://b", "a", "x", "d")).rejects.toMatchObject({ fault: "unreachable" });
});

test.each([
    [403, "M_FORBIDDEN", "wrong"],
    [403, "M_USER_DEACTIVATED", "deactivated"],
    [429, "M_LIMIT_EXCEEDED", "slow"],
    [502, undefined, "unreachable"],
    [400, "M_UNKNOWN", "refused"],
])("%i %s is %s", (status, errcode, fault) => {
    expect(faultOf(status, errcode)).toBe(fault);
});

test.each([
    [" Prenom.Nom ", "prenom.nom"],
    ["prenom.nom:mairie.fr", "@prenom.nom:mairie.fr"],
    ["@prenom.nom:mairie.fr", "@prenom.nom:mairie.fr"],
])("%j logs in as %s", (typed, name) => {
    expect(loginName(typed)).toBe(name);
});

test.each([
    ["Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0", "Beffroi, Firefox, Windows"],
    ["Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Safari/537.36 Edg/140.0", "Beffroi, Edge, Windows"],
    ["Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Version/18.0 Mobile Safari/604.1", "Beffroi, Safari, iPhone"],
    ["Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 Chrome/140.0 Mobile Safari/537.36", "Beffroi, Chrome, Android"],
])("%s is %s", (agent, name) => {
    expect(deviceName(agent)).toBe(name);
});
