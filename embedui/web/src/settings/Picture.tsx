import { useCallback, useRef, useState } from "react";
import { useClient } from "../client/context";
import { useT } from "../i18n";
import { Avatar } from "../ui/Avatar";
import { Button } from "../ui/Button";
import { Fault } from "../ui/Fault";
import { useAction } from "../ui/useAction";
import { squared } from "./squared";

interface Props {
    name: string;
    avatar: string | null;
    may: boolean;
    onChange(avatar: string | null): void;
}

/** The picture: seen, changed, taken away. */
export function Picture({ name, avatar, may, onChange }: Props) {
    const t = useT();
    const { mx } = useClient();
    const chooser = useRef<HTMLInputElement>(null);
    const [unreadable, setUnreadable] = useState(false);
    const save = useAction(
        useCallback(
            async (file: File | null) => {
                setUnreadable(false);
                const image = file && (await squared(file));
                if (file && !image) return setUnreadable(true);
                const mxc = image ? (await mx.uploadContent(image, { type: image.type, name: "" })).content_uri : "";
                await mx.setAvatarUrl(mxc);
                onChange(mxc || null);
            },
            [mx, onChange],
        ),
    );
    return (
        <div className="picture">
            <Avatar name={name} mxc={avatar} />
            {may ? (
                <div>
                    <input ref={chooser} type="file" accept="image/png,image/jpeg,image/webp,image/gif" hidden onChange={({ target }) => (target.files?.[0] && save.run(target.files[0]), (target.value = ""))} />
                    <div className="buttons">
                        <Button isDisabled={save.busy} onPress={() => chooser.current!.click()}>{t(save.busy ? "profile.saving" : avatar ? "profile.otherPicture" : "profile.addPicture")}</Button>
                        {avatar && <Button isDisabled={save.busy} onPress={() => save.run(null)}>{t("profile.noPicture")}</Button>}
                    </div>
                </div>
            ) : <p className="quiet">{t("profile.lockedPicture")}</p>}
            <Fault>{unreadable ? t("profile.unreadable") : save.fault}</Fault>
        </div>
    );
}
