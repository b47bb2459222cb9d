import { createContext, use, useSyncExternalStore } from "react";
import type { Rooms, RoomStore } from "./store";

export const RoomsContext = createContext<RoomStore | null>(null);

/** The rooms of the account; whoever uses them is drawn again when one of them changes. */
export function useRooms(): Rooms {
    const store = use(RoomsContext)!;
    return useSyncExternalStore(store.subscribe, store.snapshot);
}
