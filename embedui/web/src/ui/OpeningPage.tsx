import type { ReactNode } from "react";
import { Bell } from "./Bell";

/** What one sees while something opens. */
export function OpeningPage({ children }: { children: ReactNode }) {
    return (
        <main className="alone" aria-busy="true">
            <Bell size={56} />
            <p role="status">{children}</p>
        </main>
    );
}
