import type { MatrixClient, Room } from "matrix-js-sdk";

/** Where a room stands in the list. Spec: client-server API, "Room Tagging". */
export type Shelf = "favourite" | "plain" | "low";

export const shelves: readonly Shelf[] = ["favourite", "plain", "low"];

const tags = { favourite: "m.favourite", low: "m.lowpriority" } as const;

export function shelfOf(room: Room): Shelf {
    return tags.favourite in room.tags ? "favourite" : tags.low in room.tags ? "low" : "plain";
}

export async function setShelf(mx: MatrixClient, room: Room, shelf: Shelf): Promise<void> {
    for (const other of ["favourite", "low"] as const) {
        if (other !== shelf && tags[other] in room.tags) await mx.deleteRoomTag(room.roomId, tags[other]);
    }
    if (shelf !== "plain") await mx.setRoomTag(room.roomId, tags[shelf], { order: 0.5 });
}
