import { KnownMembership, type MatrixClient } from "matrix-js-sdk";
import { useEffect, useMemo, useState } from "react";
import { useClient } from "../client/context";
import { faultText } from "../client/fault";
import { spoken, userIdFrom } from "../client/identifier";
import { useRooms } from "../list/context";
import type { RoomLine } from "../list/line";
import { conversationWith } from "../rooms/direct";
import { rank, type Entry } from "./rank";

const most = 8; // of each kind
const recent = 10; // rooms before anything is typed
const pause = 200; // milliseconds without a key before the server is asked

export interface Group {
    name: "recent" | "rooms" | "people" | "public" | "actions";
    entries: Entry[];
}

interface Found {
    groups: Group[];
    /** The server is still asked. */
    busy: boolean;
    fault: string | null;
}

/** What there is for what was typed: at once what is known here, then people and public salons that the server knows. */
export function useFound(typed: string, actions: readonly Entry[]): Found {
    const { joined, spaces } = useRooms();
    const server = useServer(typed.trim());
    const here = useMemo(() => [...joined, ...spaces].map(entryOf), [joined, spaces]);
    const groups = useMemo((): Group[] => {
        const rooms = rank(here, typed);
        if (!typed.trim()) return [{ name: "recent", entries: rooms.slice(0, recent) }, { name: "actions", entries: [...actions] }];
        return [
            { name: "rooms", entries: rooms.slice(0, most) },
            { name: "people", entries: server.people },
            { name: "actions", entries: rank(actions, typed) },
            { name: "public", entries: server.rooms },
        ];
    }, [here, actions, typed, server]);
    return { groups: groups.filter(({ entries }) => entries.length), busy: server.busy, fault: server.fault };
}

function entryOf(line: RoomLine): Entry {
    return { key: line.id, kind: "room", label: line.name, detail: "", round: line.kind === "conversation", avatar: line.avatar, at: line.at };
}

interface Answer {
    people: Entry[];
    rooms: Entry[];
    busy: boolean;
    fault: string | null;
}

const nothing: Answer = { people: [], rooms: [], busy: false, fault: null };

/** Asks the commune's directories when the typing pauses; an answer to what was typed before counts for nothing. */
function useServer(typed: string): Answer {
    const { mx, config } = useClient();
    const [answer, setAnswer] = useState(nothing);
    useEffect(() => {
        if (!typed) return setAnswer(nothing);
        let over = false;
        setAnswer((before) => ({ ...before, busy: true, fault: null }));
        const timer = setTimeout(() => {
            Promise.all([people(mx, typed, config.server_name), publicRooms(mx, typed)]).then(
                ([found, rooms]) => over || setAnswer({ people: found, rooms, busy: false, fault: null }),
                (error: unknown) => over || setAnswer({ ...nothing, fault: faultText(error) }),
            );
        }, pause);
        return () => {
            over = true;
            clearTimeout(timer);
        };
    }, [mx, config, typed]);
    return answer;
}

/** People that the account does not converse with yet, and whoever is named by a whole identifier. */
export async function people(mx: MatrixClient, term: string, ownServer: string): Promise<Entry[]> {
    const { results } = await mx.searchUserDirectory({ term, limit: most });
    const named = term.includes(":") ? userIdFrom(term, ownServer) : null;
    const all = results.map(({ user_id: id, display_name: name, avatar_url: avatar }) => person(id, name ?? "", avatar ?? null, ownServer));
    if (named && !all.some((one) => one.key === named)) all.push(person(named, "", null, ownServer));
    return all.filter(({ key }) => key !== mx.getUserId() && !conversationWith(mx, key));
}

function person(id: string, name: string, avatar: string | null, ownServer: string): Entry {
    const identifier = spoken(id, ownServer);
    return { key: id, kind: "person", label: name || identifier, detail: name ? identifier : "", round: true, avatar, at: 0 };
}

async function publicRooms(mx: MatrixClient, term: string): Promise<Entry[]> {
    const { chunk } = await mx.publicRooms({ limit: most, filter: { generic_search_term: term } });
    const others = chunk.filter((room) => mx.getRoom(room.room_id)?.getMyMembership() !== KnownMembership.Join);
    return others.map((room) => ({
        key: room.room_id, kind: "public", label: room.name || room.canonical_alias || room.room_id, detail: room.topic ?? "", round: false, avatar: room.avatar_url ?? null, at: 0,
    }));
}
