import type { Capabilities } from "matrix-js-sdk";
import { useCallback, useEffect, useState, type FormEvent } from "react";
import { useClient } from "../client/context";
import { useT } from "../i18n";
import { Button } from "../ui/Button";
import { Fault } from "../ui/Fault";
import { TextInput } from "../ui/TextInput";
import { useAction } from "../ui/useAction";
import { mayChange } from "./mayChange";
import { Picture } from "./Picture";

interface Known {
    name: string;
    avatar: string | null;
    capabilities: Capabilities;
}

/** Name and picture, as far as the commune leaves them to people. */
export function Profile() {
    const t = useT();
    const { mx } = useClient();
    const [known, setKnown] = useState<Known | null>(null);
    const load = useAction(
        useCallback(async () => {
            const [profile, capabilities] = await Promise.all([mx.getProfileInfo(mx.getSafeUserId()), mx.getCapabilities()]);
            setKnown({ name: profile.displayname ?? "", avatar: profile.avatar_url ?? null, capabilities });
        }, [mx]),
    );
    useEffect(() => load.run(), [load.run]);
    return (
        <>
            <Fault>{load.fault}</Fault>
            {!known && <p role="status">{load.busy ? t("part.loading") : ""}</p>}
            {known && <Picture name={known.name || mx.getSafeUserId()} avatar={known.avatar} may={mayChange(known.capabilities, "avatar_url")} onChange={(avatar) => setKnown({ ...known, avatar })} />}
            {known && <Name name={known.name} may={mayChange(known.capabilities, "displayname")} />}
            <dl>
                <dt>{t("account.identifier")}</dt>
                <dd>{mx.getUserId()}</dd>
            </dl>
        </>
    );
}

function Name({ name, may }: { name: string; may: boolean }) {
    const t = useT();
    const { mx } = useClient();
    const [typed, setTyped] = useState(name);
    const [done, setDone] = useState(false);
    const save = useAction(
        useCallback(async (next: string) => {
            await mx.setDisplayName(next);
            setDone(true);
        }, [mx]),
    );
    if (!may) {
        return (
            <dl>
                <dt>{t("account.name")}</dt>
                <dd>{name}</dd>
                <dd className="quiet">{t("profile.locked")}</dd>
            </dl>
        );
    }
    const submit = (event: FormEvent): void => {
        event.preventDefault();
        if (typed.trim()) save.run(typed.trim());
    };
    return (
        <form onSubmit={submit} className="form">
            <TextInput label={t("account.name")} hint={t("profile.nameHint")} value={typed} onChange={(value) => (setTyped(value), setDone(false))} autoComplete="name" maxLength={200} error={typed.trim() ? null : t("profile.nameMissing")} />
            <Fault>{save.fault}</Fault>
            <p role="status" className={done ? "notice" : "unseen"}>{done ? t("profile.saved") : ""}</p>
            <div className="buttons">
                <Button look="primary" type="submit" isDisabled={save.busy || !typed.trim()}>{t("profile.save")}</Button>
            </div>
        </form>
    );
}
