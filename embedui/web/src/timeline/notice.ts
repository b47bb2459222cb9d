import { EventType, KnownMembership, type MatrixEvent } from "matrix-js-sdk";
import { keptDays } from "../rooms/retention";

/** A line between messages: who came, who left, what was changed. `key` is its sentence in the catalogue. */
export interface Notice {
    key: "joined" | "left" | "invited" | "declined" | "removed" | "banned" | "renamed" | "named" | "topic" | "created" | "encrypted" | "kept" | "keptForever";
    who: string;
    whom?: string;
    name?: string;
    days?: number;
}

/** The notice that a state event makes; null: it is of no interest to people. */
export function noticeOf(event: MatrixEvent): Notice | null {
    const who = event.getSender()!;
    switch (event.getType()) {
        case EventType.RoomCreate:
            return { key: "created", who };
        case EventType.RoomEncryption:
            return { key: "encrypted", who };
        case EventType.RoomName:
            // The first name comes with the room, and is above.
            return event.getPrevContent().name ? { key: "named", who, name: text(event.getContent().name) } : null;
        case EventType.RoomTopic:
            return event.getContent().topic ? { key: "topic", who, name: text(event.getContent().topic) } : null;
        case "m.room.retention":
            return retention(event, who);
        case EventType.RoomMember:
            return membership(event, who);
    }
    return null;
}

function retention(event: MatrixEvent, who: string): Notice | null {
    const [now, before] = [keptDays(event.getContent()), keptDays(event.getPrevContent())];
    if (now === before) return null;
    return now === null ? { key: "keptForever", who } : { key: "kept", who, days: now };
}

function membership(event: MatrixEvent, who: string): Notice | null {
    const whom = event.getStateKey()!;
    const { membership: now, displayname } = event.getContent();
    const { membership: before, displayname: called } = event.getPrevContent();
    switch (now) {
        case KnownMembership.Join:
            if (before !== KnownMembership.Join) return { key: "joined", who };
            return displayname && displayname !== called ? { key: "renamed", who, name: text(displayname) } : null;
        case KnownMembership.Invite:
            return { key: "invited", who, whom };
        case KnownMembership.Ban:
            return { key: "banned", who, whom };
        case KnownMembership.Leave:
            if (who !== whom) return { key: "removed", who, whom };
            return { key: before === KnownMembership.Invite ? "declined" : "left", who };
    }
    return null;
}

function text(value: unknown): string {
    return typeof value === "string" ? value : "";
}
