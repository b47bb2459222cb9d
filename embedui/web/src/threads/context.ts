import { createContext } from "react";

/** The root of the thread whose messages are drawn; undefined in a room's timeline. */
export const ThreadContext = createContext<string | undefined>(undefined);
