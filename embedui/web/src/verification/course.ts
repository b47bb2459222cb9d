import type { VerificationRequest } from "matrix-js-sdk/lib/crypto-api";
import { VerificationPhase, VerificationRequestEvent, VerifierEvent, type ShowSasCallbacks, type Verifier } from "matrix-js-sdk/lib/crypto-api/verification";

/** Why a confirmation came to nothing. */
export type Failure = "mismatch" | "elsewhere" | "timeout" | "cancelled" | "failed";

/** Where a confirmation by emoji stands, as people see it. */
export type Step =
    | { name: "asked" } // the other device waits for this one's consent
    | { name: "waiting" } // for the other device
    | { name: "emoji"; sas: ShowSasCallbacks }
    | { name: "confirmed" } // here; the other one still compares
    | { name: "done" }
    | { name: "failed"; why: Failure };

const sasMethod = "m.sas.v1";

/**
 * Follows a verification of one's own device by emoji from the request to its end. Whoever asked begins the comparison once the other consents.
 * Specification: client-server API, "Short Authentication String (SAS) verification".
 */
export class Course {
    private now: Step;
    private verifier: Verifier | null = null;
    private confirmed = false;
    private mismatched = false;
    private beginning = false;
    private readonly listeners = new Set<() => void>();

    constructor(readonly request: VerificationRequest) {
        this.now = this.look();
        request.on(VerificationRequestEvent.Change, this.changed);
        this.changed();
    }

    get step(): Step {
        return this.now;
    }

    readonly subscribe = (listener: () => void): (() => void) => {
        this.listeners.add(listener);
        return () => void this.listeners.delete(listener);
    };

    /** Consents to what the other device asks. */
    accept(): void {
        this.tryTo(this.request.accept());
    }

    /** The emoji are the same on both devices. */
    confirm(): void {
        if (this.now.name !== "emoji") return;
        const { sas } = this.now;
        this.confirmed = true;
        this.changed();
        this.tryTo(sas.confirm());
    }

    /** They differ: then somebody may stand between. */
    differ(): void {
        if (this.now.name !== "emoji") return;
        this.mismatched = true;
        this.now.sas.mismatch();
    }

    /** Gives up; without an effect on what has ended. */
    cancel(): void {
        if (this.request.pending) void this.request.cancel().catch(() => {});
    }

    close(): void {
        this.request.off(VerificationRequestEvent.Change, this.changed);
        this.cancel();
    }

    private readonly changed = (): void => {
        this.begin();
        this.watch();
        this.set(this.look());
    };

    private set(step: Step): void {
        this.now = step;
        this.listeners.forEach((listener) => listener());
    }

    private begin(): void {
        if (this.request.phase !== VerificationPhase.Ready || !this.request.initiatedByMe || this.beginning) return;
        this.beginning = true;
        this.tryTo(this.request.startVerification(sasMethod));
    }

    private watch(): void {
        const { verifier } = this.request;
        if (!verifier || verifier === this.verifier) return;
        this.verifier = verifier;
        verifier.on(VerifierEvent.ShowSas, this.changed);
        verifier.verify().then(this.changed, this.changed);
    }

    private look(): Step {
        const { phase } = this.request;
        if (this.now?.name === "failed") return this.now;
        if (phase === VerificationPhase.Done) return { name: "done" };
        if (phase === VerificationPhase.Cancelled) return { name: "failed", why: this.why() };
        if (this.confirmed) return { name: "confirmed" };
        const sas = this.verifier?.getShowSasCallbacks();
        if (sas) return { name: "emoji", sas };
        return { name: phase <= VerificationPhase.Requested && !this.request.initiatedByMe && !this.request.accepting ? "asked" : "waiting" };
    }

    private why(): Failure {
        if (this.mismatched) return "mismatch";
        switch (this.request.cancellationCode) {
            case "m.mismatched_sas":
            case "m.mismatched_commitment":
            case "m.key_mismatch":
                return "mismatch";
            case "m.accepted":
                return "elsewhere";
            case "m.timeout":
                return "timeout";
            case "m.user":
                return "cancelled";
            default:
                return "failed";
        }
    }

    private tryTo(doing: Promise<unknown>): void {
        doing.then(this.changed, (error: unknown) => {
            console.error(error);
            if (this.look().name !== "failed") this.set({ name: "failed", why: "failed" });
        });
    }
}
