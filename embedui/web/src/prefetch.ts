import { startRest } from "./i18n";
import wasm from "../node_modules/@matrix-org/matrix-sdk-crypto-wasm/pkg/matrix_sdk_crypto_wasm_bg.wasm?url";

/** Begins to bring the cryptography while the client itself is on its way. */
export function warmUp(): void {
    void import("@matrix-org/matrix-sdk-crypto-wasm").then(({ initAsync }) => initAsync()).catch(() => {}); // done again, with its error, when it is needed
}

/** Brings what follows the log-in page while the browser has nothing else to do: the client and its cryptography. */
export function prefetchApp(): void {
    const idle = window.requestIdleCallback ?? ((callback: () => void) => setTimeout(callback, 1500));
    idle(() => {
        void Promise.all([import("./app/App"), startRest()]).catch(() => {}); // loaded again, with its error, when it is needed
        void fetch(wasm, { priority: "low" }).catch(() => {});
    });
}
