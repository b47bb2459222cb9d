import {
    ClientEvent, EventType, MatrixEventEvent, RoomEvent, RoomMemberEvent, RoomStateEvent, type MatrixClient, type MatrixEvent, type Room, type RoomMember,
} from "matrix-js-sdk";
import { readLine, sameLine, type RoomLine } from "./line";

const pause = 30; // milliseconds in which many events make one drawing; a timer, since hidden pages have a title too

/** The rooms of the account, each list with the last used first. */
export interface Rooms {
    readonly joined: readonly RoomLine[];
    readonly invitations: readonly RoomLine[];
    readonly knocks: readonly RoomLine[];
    readonly spaces: readonly RoomLine[];
}

const none: Rooms = { joined: [], invitations: [], knocks: [], spaces: [] };

/**
 * Keeps what the left column shows. An event costs the reading of its own room: 500 rooms are read once, when the page opens, and again when
 * something changes that is about all of them (push rules, which rooms are conversations).
 */
export class RoomStore {
    private readonly lines = new Map<string, RoomLine>();
    private readonly stale = new Set<string>();
    private readonly listeners = new Set<() => void>();
    private readonly heard = new Map<string, () => void>();
    private timer: ReturnType<typeof setTimeout> | undefined;
    private rooms = none;

    constructor(private readonly mx: MatrixClient, private readonly read = readLine) {
        this.all();
        this.refresh();
    }

    /** Listens until the function it gives is called. */
    readonly start = (): (() => void) => {
        const listeners = this.sources();
        listeners.forEach(([name, listener]) => this.mx.on(name as never, listener as never));
        this.all();
        return () => {
            clearTimeout(this.timer);
            this.timer = undefined;
            listeners.forEach(([name, listener]) => this.mx.off(name as never, listener as never));
            this.heard.forEach((stop) => stop());
            this.heard.clear();
        };
    };

    readonly subscribe = (changed: () => void): (() => void) => {
        this.listeners.add(changed);
        return () => this.listeners.delete(changed);
    };

    readonly snapshot = (): Rooms => this.rooms;

    /** Which event is about which room. */
    private sources(): [string, (...args: never[]) => void][] {
        const room = (one: Room): void => this.touch(one.roomId);
        const second = (_event: MatrixEvent, one: Room | undefined): void => one && this.touch(one.roomId);
        const own = (event: MatrixEvent): void => this.touch(event.getRoomId());
        return [
            [ClientEvent.Room, room],
            [ClientEvent.DeleteRoom, (id: string) => this.touch(id)],
            [ClientEvent.AccountData, (event: MatrixEvent) => this.ofAll(event)],
            [RoomEvent.Name, room],
            [RoomEvent.MyMembership, room],
            [RoomEvent.Timeline, second],
            [RoomEvent.LocalEchoUpdated, second],
            [RoomEvent.Redaction, second],
            [RoomEvent.Receipt, second],
            [RoomEvent.Tags, second],
            [RoomMemberEvent.Name, (_event: MatrixEvent, member: RoomMember) => this.touch(member.roomId)],
            [RoomStateEvent.Events, (event: MatrixEvent) => event.getType() !== EventType.RoomMember && own(event)],
            [MatrixEventEvent.Decrypted, own],
            [MatrixEventEvent.Replaced, own],
        ];
    }

    private ofAll(event: MatrixEvent): void {
        if (event.getType() === EventType.Direct || event.getType() === EventType.PushRules) this.all();
    }

    private all(): void {
        this.mx.getRooms().forEach((room) => this.touch(room.roomId));
    }

    private touch(id: string | undefined): void {
        if (!id) return;
        this.stale.add(id);
        this.timer ??= setTimeout(() => this.refresh(), pause);
    }

    private refresh(): void {
        clearTimeout(this.timer);
        this.timer = undefined;
        const changes = [...this.stale].filter((id) => this.reread(id));
        this.stale.clear();
        if (!changes.length) return;
        this.rooms = sorted([...this.lines.values()]);
        this.listeners.forEach((listener) => listener());
    }

    /** Reads one room again; tells whether what is shown of it changed. */
    private reread(id: string): boolean {
        const room = this.mx.getRoom(id);
        const before = this.lines.get(id);
        const now = room && this.read(this.mx, room);
        if (room) this.hear(room);
        if (!now) return this.lines.delete(id);
        if (before && sameLine(before, now)) return false;
        this.lines.set(id, now);
        return true;
    }

    /** The one event that the SDK keeps to the room. */
    private hear(room: Room): void {
        if (this.heard.has(room.roomId)) return;
        const listener = (): void => this.touch(room.roomId);
        room.on(RoomEvent.UnreadNotifications, listener);
        this.heard.set(room.roomId, () => room.off(RoomEvent.UnreadNotifications, listener));
    }
}

function sorted(lines: RoomLine[]): Rooms {
    lines.sort((a, b) => b.at - a.at || (a.id < b.id ? -1 : 1));
    const rooms = lines.filter((line) => line.kind !== "space");
    return {
        joined: rooms.filter((line) => line.membership === "join"),
        invitations: lines.filter((line) => line.membership === "invite"),
        knocks: lines.filter((line) => line.membership === "knock"),
        spaces: lines.filter((line) => line.kind === "space" && line.membership === "join").sort((a, b) => a.name.localeCompare(b.name)),
    };
}
