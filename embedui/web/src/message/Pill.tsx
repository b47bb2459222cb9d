import type { MouseEvent } from "react";
import type { Room } from "matrix-js-sdk";
import { pathOf } from "../app/route";
import { useClient } from "../client/context";
import { spoken } from "../client/identifier";
import { matrixTo, type Target } from "./address";
import { showMessage } from "./jump";

/** A person or a salon that a message names. */
export function Pill({ target, words }: { target: Exclude<Target, { kind: "web" }>; words: string }) {
    return target.kind === "person" ? <PersonPill id={target.userId} words={words} /> : <SalonPill target={target} words={words} />;
}

function PersonPill({ id, words }: { id: string; words: string }) {
    const { mx, config } = useClient();
    const name = mx.getUser(id)?.displayName ?? spoken(id, config.server_name);
    const shown = words.replace(/^@/, "") === id.replace(/^@/, "") || !words ? `@${name}` : words;
    return <bdi className={id === mx.getUserId() ? "pill self" : "pill"} title={id}>{shown.startsWith("@") ? shown : `@${shown}`}</bdi>;
}

function SalonPill({ target, words }: { target: Extract<Target, { kind: "salon" }>; words: string }) {
    const { mx } = useClient();
    const room = mx.getRooms().find((one) => one.roomId === target.room || one.getCanonicalAlias() === target.room || one.getAltAliases().includes(target.room));
    if (!room) {
        return <a className="pill" href={matrixTo(target.room, target.event, target.via)} target="_blank" rel="noreferrer noopener">{words}</a>;
    }
    const go = (event: MouseEvent): void => {
        event.preventDefault();
        showMessage(room.roomId, target.event);
    };
    return <a className="pill" href={pathOf({ page: "room", id: room.roomId, details: false })} onClick={go}>{label(room, words, target)}</a>;
}

/** A bare address says less than the salon's name. */
function label(room: Room, words: string, { room: id }: { room: string }): string {
    return words === id || words.includes("matrix.to/") || words.startsWith(location.origin) ? room.name : words;
}
