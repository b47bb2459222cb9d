import { RelationType, type MatrixClient, type MatrixEvent, type Room } from "matrix-js-sdk";

/** Messages that others answer or name, which the timeline has not loaded. Each is asked for once. */
export class Originals {
    private readonly asked = new Map<string, Promise<MatrixEvent | null>>();

    constructor(private readonly mx: MatrixClient) {}

    /** Null: it is not there, or not for this person. */
    get(room: Room, id: string): Promise<MatrixEvent | null> {
        const known = this.asked.get(id);
        if (known) return known;
        const asking = this.fetch(room, id).catch(() => (this.asked.delete(id), null));
        this.asked.set(id, asking);
        return asking;
    }

    private async fetch(room: Room, id: string): Promise<MatrixEvent> {
        const event = this.mx.getEventMapper()(await this.mx.fetchRoomEvent(room.roomId, id));
        await this.mx.decryptEventIfNeeded(event);
        const edit = event.getServerAggregatedRelation<object>(RelationType.Replace);
        if (edit && "content" in edit) await this.edited(event, edit);
        return event;
    }

    private async edited(event: MatrixEvent, raw: object): Promise<void> {
        const edit = this.mx.getEventMapper()(raw);
        await this.mx.decryptEventIfNeeded(edit);
        if (edit.getSender() === event.getSender()) event.makeReplaced(edit);
    }
}
