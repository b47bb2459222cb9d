import { useCallback, useRef, useState, type KeyboardEvent } from "react";
import { go } from "../app/route";
import { useClient } from "../client/context";
import { useT } from "../i18n";
import { useRooms } from "../list/context";
import { createConversation, join } from "../rooms/actions";
import { Fault } from "../ui/Fault";
import { Modal } from "../ui/Modal";
import { useAction } from "../ui/useAction";
import { Found } from "./Found";
import type { Entry } from "./rank";
import { useFound } from "./useFound";

/** Something that can be done from everywhere. */
export interface Command {
    name: string;
    label: string;
    run(): void;
}

/** One box for people, salons and what can be done. A combobox: the focus stays in the field, arrows choose, Enter opens. */
export default function Finder({ commands, onClose }: { commands: readonly Command[]; onClose(): void }) {
    const t = useT();
    const [typed, setTyped] = useState("");
    const [at, setAt] = useState(0);
    const actions = commands.map(({ name, label }): Entry => ({ key: name, kind: "action", label, detail: "", round: false, avatar: null, at: 0 }));
    const { groups, busy, fault } = useFound(typed, useStable(actions));
    const entries = groups.flatMap((group) => group.entries);
    const chosen = entries[Math.min(at, entries.length - 1)];
    const opening = useOpen(commands, onClose);

    const keyDown = (event: KeyboardEvent): void => {
        const step = { ArrowDown: 1, ArrowUp: -1, PageDown: 5, PageUp: -5 }[event.key];
        if (event.nativeEvent.isComposing) return;
        if (step) {
            event.preventDefault();
            setAt(moved(Math.min(at, entries.length - 1), step, entries.length));
        } else if (event.key === "Enter" && chosen && !opening.busy) {
            event.preventDefault();
            opening.run(chosen);
        }
    };
    return (
        <Modal title={t("finder.title")} onClose={onClose} top>
            <div className="field">
                <label htmlFor="finder">{t("finder.label")}</label>
                <input
                    id="finder" className="input" role="combobox" aria-expanded={entries.length > 0} aria-controls="finder-list" aria-autocomplete="list"
                    aria-activedescendant={chosen && optionId(chosen)} autoComplete="off" autoCorrect="off" spellCheck={false} autoFocus
                    value={typed} onChange={(event) => (setTyped(event.target.value), setAt(0))} onKeyDown={keyDown}
                />
            </div>
            <Fault>{opening.fault ?? fault}</Fault>
            <Found groups={groups} chosen={chosen} onOpen={opening.run} />
            <p role="status" className={entries.length || busy ? "unseen" : "quiet"}>
                {opening.busy || busy ? t("part.loading") : t("finder.count", { count: entries.length })}
            </p>
        </Modal>
    );
}

export function optionId(entry: Entry): string {
    return `finder ${entry.kind} ${entry.key}`.replaceAll(/\s/g, "-");
}

/** One step goes round; a leap stops at the ends. */
function moved(from: number, step: number, count: number): number {
    if (Math.abs(step) === 1) return (from + step + count) % Math.max(count, 1);
    return Math.min(Math.max(from + step, 0), count - 1);
}

/** The same array as long as its entries have the same names. */
function useStable(entries: Entry[]): Entry[] {
    const kept = useRef(entries);
    const names = (list: Entry[]): string => list.map((entry) => entry.label).join("\n");
    if (names(kept.current) !== names(entries)) kept.current = entries;
    return kept.current;
}

function useOpen(commands: readonly Command[], onClose: () => void) {
    const { mx } = useClient();
    const { spaces } = useRooms();
    return useAction(
        useCallback(
            async ({ kind, key }: Entry) => {
                if (kind === "person") key = await createConversation(mx, key);
                if (kind === "public") await join(mx, key);
                onClose();
                if (kind === "action") {
                    await focusBack(); // else what opens now would give the focus back to the field that is gone
                    return commands.find((command) => command.name === key)!.run();
                }
                go(spaces.some((space) => space.id === key) ? { page: "space", id: key } : { page: "room", id: key, details: false }, true);
            },
            [mx, spaces, commands, onClose],
        ),
    );
}

/** A dialogue that closes gives the focus back in the next frame. */
function focusBack(): Promise<void> {
    return new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(() => resolve())));
}
