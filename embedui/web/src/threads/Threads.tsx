import type { Room } from "matrix-js-sdk";
import { ThreadList } from "./ThreadList";
import { ThreadPanel } from "./ThreadPanel";

/** What is beside a room: one of its threads, or the list of them. */
export default function Threads({ room, root }: { room: Room; root: string }) {
    return root ? <ThreadPanel room={room} root={root} /> : <ThreadList room={room} />;
}
