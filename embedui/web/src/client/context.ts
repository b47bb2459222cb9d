import { createContext, use } from "react";
import type { Client } from "./client";

export const ClientContext = createContext<Client | null>(null);

/** The running client; there is one wherever the client's pages are drawn. */
export function useClient(): Client {
    return use(ClientContext)!;
}
