import i18next from "i18next";
import { RoomNameType, type RoomNameState } from "matrix-js-sdk";
import { isUserId, spoken } from "./identifier";

/** Names a room that has no name of its own, in the user's language; people without a name are called by their identifier. */
export function roomName(state: RoomNameState, ownServer: string): string {
    if (state.type === RoomNameType.Actual) return state.name;
    if (state.type === RoomNameType.EmptyRoom) return state.oldName ?? i18next.t("room.unnamed");
    const others = state.count - 1 - state.names.length;
    const names = new Intl.ListFormat(i18next.language).format(state.names.map((name) => (isUserId(name) ? spoken(name, ownServer) : name)));
    return others > 0 ? i18next.t("room.andOthers", { names, count: others }) : names || i18next.t("room.unnamed");
}
