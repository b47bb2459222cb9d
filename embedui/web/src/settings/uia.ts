import { MatrixError, type AuthDict, type MatrixClient } from "matrix-js-sdk";

/** The password was not the right one. */
export class WrongPassword extends Error {}

/** Does what the server asks the password again for. Spec: client-server API, "User-Interactive Authentication API". */
export async function withPassword(mx: MatrixClient, password: string, request: (auth?: AuthDict) => Promise<unknown>): Promise<void> {
    const session = await sessionFor(request);
    if (session === null) return;
    const identifier = { type: "m.id.user", user: mx.getSafeUserId() };
    try {
        await request({ type: "m.login.password", identifier, password, session });
    } catch (error) {
        throw error instanceof MatrixError && error.httpStatus === 401 ? new WrongPassword() : error;
    }
}

/** Asks without a proof: the session that the proof belongs to; null where none was wanted and it is done. */
async function sessionFor(request: () => Promise<unknown>): Promise<string | null> {
    try {
        await request();
        return null;
    } catch (error) {
        const session: unknown = error instanceof MatrixError && error.httpStatus === 401 ? error.data.session : undefined;
        if (typeof session !== "string") throw error;
        return session;
    }
}
