import i18next from "i18next";
import { ConnectionError, MatrixError } from "matrix-js-sdk";

/** A sentence about what went wrong and what to do, for what the SDK threw. */
export function faultText(error: unknown): string {
    return i18next.t(`fault.${faultOf(error)}`);
}

function faultOf(error: unknown) {
    if (error instanceof ConnectionError || (error instanceof Error && error.name === "TypeError" && /fetch/i.test(error.message))) {
        return "offline";
    }
    if (!(error instanceof MatrixError)) return "unknown";
    if (error.httpStatus === 429) return "slow";
    if (error.errcode === "M_FORBIDDEN") return "forbidden";
    if (error.errcode === "M_NOT_FOUND") return "missing";
    if (error.errcode === "M_TOO_LARGE") return "large";
    return (error.httpStatus ?? 500) >= 500 ? "server" : "unknown";
}
