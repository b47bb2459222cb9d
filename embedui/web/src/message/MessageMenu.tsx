import type { Room } from "matrix-js-sdk";
import { use, useState, type RefObject } from "react";
import { Menu, MenuItem } from "react-aria-components/Menu";
import { Popover } from "react-aria-components/Popover";
import type { Client } from "../client/client";
import { useClient } from "../client/context";
import { faultText } from "../client/fault";
import { useT } from "../i18n";
import { editable } from "../send/write";
import { placeOf } from "../send/drafts";
import { ThreadContext } from "../threads/context";
import type { Message } from "../timeline/items";
import { setPinned } from "../timeline/pins";
import { DeleteDialog } from "./DeleteDialog";
import EmojiPicker from "./EmojiPicker";
import { ForwardDialog } from "./ForwardDialog";
import { showThread } from "./jump";
import { linkTo, possible, quoted, type Act } from "./acts";
import { toggleReaction } from "./react";
import { ReactionsDialog } from "./ReactionsDialog";
import { ReportDialog } from "./ReportDialog";

interface Props {
    message: Message;
    room: Room;
    anchor: RefObject<HTMLElement | null>;
    /** With a sentence about what was done, where nothing else shows it; `writes`: one goes on where one writes. */
    onClose(done?: string, writes?: boolean): void;
}

type Dialogue = "react" | "reactions" | "forward" | "report" | "delete";
const dialogues: string[] = ["react", "reactions", "forward", "report", "delete"] satisfies Dialogue[];

const writing: string[] = ["reply", "edit", "quote"] satisfies Act[];

/** The menu of a message, and the dialogues behind it. */
export default function MessageMenu({ message, room, anchor, onClose }: Props) {
    const t = useT();
    const client = useClient();
    const thread = use(ThreadContext);
    const [dialogue, setDialogue] = useState<Dialogue | null>(null);
    const act = (key: Act): void => {
        if (dialogues.includes(key)) return setDialogue(key as Dialogue);
        void doNow(key, message, room, thread, client).then((done) => onClose(done && t(done), writing.includes(key)), (error: unknown) => onClose(faultText(error)));
    };
    const close = (): void => onClose();
    switch (dialogue) {
        case "react":
            return <EmojiPicker title={t("actions.react")} onClose={close} onChoose={(sign) => (close(), void toggleReaction(client, room, message.id, sign))} />;
        case "reactions":
            return <ReactionsDialog message={message} room={room} onClose={close} />;
        case "forward":
            return <ForwardDialog message={message} onClose={onClose} />;
        case "report":
            return <ReportDialog message={message} room={room} onClose={onClose} />;
        case "delete":
            return <DeleteDialog message={message} room={room} onClose={close} />;
    }
    return (
        <Popover triggerRef={anchor} isOpen onOpenChange={(open) => open || onClose()} placement="bottom end" className="menu-frame">
            <Menu className="menu" aria-label={t("actions.label")} autoFocus="first" onAction={(key) => act(key as Act)}>
                {possible(client.mx, room, message).map((key) => (
                    <MenuItem key={key} id={key} className={key === "delete" ? "danger" : ""}>
                        {t(`actions.${key}`)}
                    </MenuItem>
                ))}
            </Menu>
        </Popover>
    );
}

type Done = "actions.copied" | "actions.linked" | "actions.pinned" | "actions.unpinned";

/** Does what needs no dialogue; gives the text that says so, where nothing else shows it. */
async function doNow(key: Act, message: Message, room: Room, thread: string | undefined, { drafts, mx }: Client): Promise<Done | undefined> {
    const place = placeOf(room.roomId, thread);
    switch (key) {
        case "reply":
            return drafts.update(place, { reply: message.id, edit: undefined }), undefined;
        case "quote":
            return drafts.update(place, { text: quoted(drafts.get(place).text, message) }), undefined;
        case "edit":
            return drafts.edit(place, message.id, editable(message.event).text, editable(message.event).mentions), undefined;
        case "thread":
            return showThread(room.roomId, message.id), undefined;
        case "copy":
            return await navigator.clipboard.writeText(message.body.kind === "text" ? message.body.text : ""), "actions.copied";
        case "link":
            return await navigator.clipboard.writeText(linkTo(room, message.id)), "actions.linked";
        case "pin":
            return await setPinned(mx, room, message.id, true), "actions.pinned";
        case "unpin":
            return await setPinned(mx, room, message.id, false), "actions.unpinned";
        default:
            return undefined;
    }
}
