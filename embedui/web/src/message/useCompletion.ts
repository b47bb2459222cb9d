import type { Room } from "matrix-js-sdk";
import { useEffect, useMemo, useState, type KeyboardEvent } from "react";
import { useClient } from "../client/context";
import { useT } from "../i18n";
import { isConversation } from "../rooms/direct";
import { people, salons, type Named } from "./candidates";
import { best, triggerAt, type Candidate } from "./completion";
import { emojiCandidates, loadEmoji } from "./emoji";

export interface Completion {
    options: Candidate[];
    active: number;
    /** Whether the key was for the list. */
    key(event: KeyboardEvent): boolean;
    choose(option: Candidate): void;
}

/** Offers names for what stands before the cursor. `choose` puts one into the text, from where its sign stands. */
export function useCompletion(room: Room, text: string, cursor: number, choose: (option: Candidate, from: number) => void): Completion {
    const [active, setActive] = useState(0);
    const [closed, setClosed] = useState<number | null>(null); // where the list was closed: by Escape, or by a choice
    const trigger = useMemo(() => triggerAt(text, cursor), [text, cursor]);
    const sign = trigger && trigger.from !== closed ? trigger.sign : null;
    const candidates = useCandidates(room, sign);
    const query = trigger?.query ?? "";
    const options = useMemo(() => (sign ? best(candidates, query) : []), [candidates, sign, query]);
    useEffect(() => setActive(0), [query, sign]);
    useEffect(() => {
        if (!trigger) setClosed(null);
    }, [trigger]);
    const take = (option: Candidate): void => {
        setClosed(trigger!.from);
        choose(option, trigger!.from);
    };

    const key = (event: KeyboardEvent): boolean => {
        if (!options.length || event.nativeEvent.isComposing) return false;
        const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
        if (step) setActive((active + step + options.length) % options.length);
        else if (event.key === "Escape") setClosed(trigger!.from);
        else if ((event.key === "Enter" && !event.shiftKey) || event.key === "Tab") take(options[active] ?? options[0]!);
        else return false;
        event.preventDefault();
        event.stopPropagation();
        return true;
    };
    return { options, active, key, choose: take };
}

/** Everything that a sign may begin; emoji come when the first one is looked for, people when a room's members have. */
function useCandidates(room: Room, sign: "@" | "#" | ":" | null): Candidate[] {
    const t = useT();
    const { mx, config } = useClient();
    const [emoji, setEmoji] = useState<Candidate[]>([]);
    const [loaded, setLoaded] = useState(false);
    useEffect(() => {
        if (sign === ":" && !emoji.length) loadEmoji().then((groups) => setEmoji(emojiCandidates(groups)), () => {});
        if (sign === "@" && !loaded) room.loadMembersIfNeeded().then(() => setLoaded(true), () => {});
    }, [room, sign, loaded, emoji.length]);
    return useMemo((): Named[] | Candidate[] => {
        if (sign === "@") return people(room, config.custodian, { word: t("composer.all"), hint: t("composer.allHint") });
        if (sign === "#") return salons(mx, (one) => isConversation(mx, one));
        return sign === ":" ? emoji : [];
    }, [mx, room, config, sign, loaded, emoji, t]);
}
