import { MatrixError, type AuthDict, type MatrixClient } from "matrix-js-sdk";
import { expect, test, vi } from "vitest";
import { withPassword, WrongPassword } from "./uia";

const mx = { getSafeUserId: () => "@jeanne:mairie.fr" } as MatrixClient;
const asked = (): MatrixError => new MatrixError({ session: "s", flows: [{ stages: ["m.login.password"] }] }, 401);

function server(password: string) {
    return vi.fn((auth?: AuthDict) => (auth && "password" in auth && auth.password === password ? Promise.resolve({}) : Promise.reject(asked())));
}

test("the password goes with the session that the server gave", async () => {
    const request = server("right");
    await withPassword(mx, "right", request);
    expect(request.mock.calls.map(([auth]) => auth)).toEqual([
        undefined, { type: "m.login.password", identifier: { type: "m.id.user", user: "@jeanne:mairie.fr" }, password: "right", session: "s" },
    ]);
});

test("a wrong password is told from what else goes wrong", async () => {
    await expect(withPassword(mx, "wrong", server("right"))).rejects.toBeInstanceOf(WrongPassword);
    const broken = new MatrixError({ errcode: "M_UNKNOWN" }, 500);
    await expect(withPassword(mx, "right", () => Promise.reject(broken))).rejects.toBe(broken);
});

test("a server that asks nothing is asked once", async () => {
    const request = vi.fn(() => Promise.resolve({}));
    await withPassword(mx, "any", request);
    expect(request).toHaveBeenCalledTimes(1);
});
