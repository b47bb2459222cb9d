import { useEffect, useMemo, useState, type KeyboardEvent } from "react";
import { useT } from "../i18n";
import { Button } from "../ui/Button";
import { Fault } from "../ui/Fault";
import { Modal } from "../ui/Modal";
import { TextInput } from "../ui/TextInput";
import { findEmoji, loadEmoji, tones, withTone, type Emoji } from "./emoji";
import { chosenTone, recentEmoji, rememberEmoji, rememberTone } from "./recent";

const groupNames = ["faces", "people", "nature", "food", "places", "activities", "objects", "symbols", "flags"] as const;
const perRow = 8;
const most = 64; // found ones that are shown

interface Props {
    /** Above the emoji: what choosing one does. */
    title?: string;
    onClose(): void;
    onChoose(sign: string): void;
}

/** Emoji by groups and by words, those one used last before the others. */
export default function EmojiPicker({ title, onClose, onChoose }: Props) {
    const t = useT();
    const [groups, setGroups] = useState<Emoji[][] | null>(null);
    const [fault, setFault] = useState(false);
    const [query, setQuery] = useState("");
    const [group, setGroup] = useState(0);
    const [tone, setTone] = useState(chosenTone);
    useEffect(() => void loadEmoji().then(setGroups, () => setFault(true)), []);
    const shown = useMemo(() => (groups ? (query.trim() ? findEmoji(groups, query).slice(0, most) : groups[group]!) : []), [groups, query, group]);
    const recent = useMemo(recentEmoji, []);
    const choose = (sign: string): void => (rememberEmoji(sign), onChoose(sign));

    return (
        <Modal title={title ?? t("emoji.title")} onClose={onClose}>
            <div className="emoji">
                <TextInput label={t("emoji.search")} hint={t("emoji.searchHint")} autoFocus value={query} onChange={setQuery} />
                <Fault>{fault ? t("part.failed") : null}</Fault>
                {!query && recent.length > 0 && <Grid label={t("emoji.recent")} signs={recent.map((sign) => ({ sign, name: sign }))} onChoose={choose} />}
                {!query && (
                    <div className="emoji-choices">
                        <Choice label={t("emoji.group")} value={group} names={groupNames.map((name) => t(`emoji.groups.${name}`))} onChange={setGroup} />
                        <Choice
                            label={t("emoji.tone")} value={tones.indexOf(tone)} names={tones.map((one) => `✋${one}`)}
                            onChange={(i) => (setTone(tones[i]!), rememberTone(tones[i]!))}
                        />
                    </div>
                )}
                <p className="unseen" role="status">{query && groups ? t("emoji.found", { count: shown.length }) : ""}</p>
                <Grid label={t("emoji.title")} signs={shown.map((emoji) => ({ sign: withTone(emoji, tone), name: emoji.name }))} onChoose={choose} />
                <div className="buttons">
                    <Button onPress={onClose}>{t("common.close")}</Button>
                </div>
            </div>
        </Modal>
    );
}

function Choice({ label, value, names, onChange }: { label: string; value: number; names: string[]; onChange(value: number): void }) {
    return (
        <label className="field">
            <span className="label">{label}</span>
            <select className="input" value={value} onChange={(event) => onChange(Number(event.target.value))}>
                {names.map((name, i) => <option key={name} value={i}>{name}</option>)}
            </select>
        </label>
    );
}

/** One stop of the tabulator; arrows move inside. */
function Grid({ label, signs, onChoose }: { label: string; signs: { sign: string; name: string }[]; onChoose(sign: string): void }) {
    const [at, setAt] = useState(0);
    const here = Math.min(at, signs.length - 1);
    const key = (event: KeyboardEvent<HTMLElement>): void => {
        const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: perRow, ArrowUp: -perRow, Home: -here, End: signs.length - 1 - here }[event.key];
        if (step === undefined) return;
        event.preventDefault();
        const next = Math.max(0, Math.min(signs.length - 1, here + step));
        setAt(next);
        event.currentTarget.querySelectorAll("button")[next]?.focus();
    };
    if (!signs.length) return null;
    return (
        <div role="group" aria-label={label} className="emoji-grid" onKeyDown={key}>
            {signs.map(({ sign, name }, i) => (
                <button key={sign} type="button" tabIndex={i === here ? 0 : -1} aria-label={name === sign ? undefined : name} title={name} onClick={() => onChoose(sign)}>
                    {sign}
                </button>
            ))}
        </div>
    );
}
