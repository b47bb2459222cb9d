import type { MatrixEvent, Room } from "matrix-js-sdk";
import { useEffect, useMemo, useRef, useSyncExternalStore, type RefObject } from "react";
import { useClient } from "../client/context";
import type { ToHtml } from "../message/content";
import type { Mention } from "../message/mentions";
import { placeOf, type Draft } from "./drafts";
import { Typing } from "./typing";
import { editable, sendDraft } from "./write";

const patience = 3000; // milliseconds for what turns text into HTML; without it, the text goes as it is

interface Writing {
    draft: Draft;
    type(text: string): void;
    mention(mention: Mention): void;
    edit(event: MatrixEvent): void;
    cancel(): void;
    send(): void;
    /** Nothing is typed for now. */
    rest(): void;
}

/** What is being written in a place: kept while one types, sent, changed. */
export function useWriting(room: Room, thread: string | undefined, box: RefObject<HTMLTextAreaElement | null>): Writing {
    const client = useClient();
    const { drafts, mx } = client;
    const place = placeOf(room.roomId, thread);
    const draft = useSyncExternalStore(drafts.subscribe, () => drafts.get(place));
    const typing = useMemo(() => new Typing(mx, room.roomId), [mx, room]);
    const toHtml = useRef<Promise<ToHtml>>(null);
    const sending = useRef(false);
    useEffect(() => {
        toHtml.current = loadToHtml();
        return () => typing.stops();
    }, [typing]);
    const before = useRef(draft);
    useEffect(() => {
        const { edit, reply } = before.current;
        if ((draft.edit && draft.edit !== edit) || (draft.reply && draft.reply !== reply)) box.current?.focus();
        before.current = draft;
    }, [draft, box]);

    const send = async (): Promise<void> => {
        if (sending.current || !draft.text.trim()) return;
        sending.current = true;
        const write = await Promise.race([toHtml.current!, wait(patience)]);
        sending.current = false;
        typing.stops();
        sendDraft(client, room, thread, drafts.get(place), write);
    };
    return {
        draft,
        type: (text) => (text ? typing.writes() : typing.stops(), drafts.update(place, { text })),
        mention: (mention) => drafts.update(place, { mentions: [...drafts.get(place).mentions.filter(({ text }) => text !== mention.text), mention] }),
        edit: (event) => drafts.edit(place, event.getId()!, editable(event).text, editable(event).mentions),
        cancel: () => drafts.cancel(place),
        send: () => void send(),
        rest: () => typing.stops(),
    };
}

const asText: ToHtml = () => null;

async function loadToHtml(): Promise<ToHtml> {
    return import("../message/markdown").then(({ toHtml }) => toHtml, () => asText);
}

function wait(milliseconds: number): Promise<ToHtml> {
    return new Promise((resolve) => setTimeout(() => resolve(asText), milliseconds));
}
