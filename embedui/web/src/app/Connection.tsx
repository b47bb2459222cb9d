import { ClientEvent, SyncState } from "matrix-js-sdk";
import { useClient } from "../client/context";
import { useEvents } from "../client/events";
import { useT } from "../i18n";

const changes = [ClientEvent.Sync] as const;

/** Whether the server is heard. */
export function Connection() {
    const t = useT();
    const { mx } = useClient();
    useEvents(mx, changes);
    const state = mx.getSyncState();
    const lost = state === SyncState.Error || state === SyncState.Reconnecting;
    return (
        <p className={lost ? "connection lost" : "connection"} role="status">
            {t(lost ? "connection.lost" : "connection.online")}
        </p>
    );
}
