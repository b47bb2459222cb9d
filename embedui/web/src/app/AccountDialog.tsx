import { useCallback, useEffect, useState } from "react";
import { useClient } from "../client/context";
import { spoken } from "../client/identifier";
import { logOut, lossOf, type Loss } from "../client/logout";
import { useT } from "../i18n";
import { Button } from "../ui/Button";
import { Fault } from "../ui/Fault";
import { LanguageChoice } from "../ui/LanguageChoice";
import { Modal } from "../ui/Modal";
import { useAction } from "../ui/useAction";

/** Who one is here, the language, and the way out. */
export default function AccountDialog({ onClose }: { onClose(): void }) {
    const t = useT();
    const { mx, config } = useClient();
    const [leaving, setLeaving] = useState(false);
    const name = mx.getUser(mx.getSafeUserId())?.displayName ?? spoken(mx.getSafeUserId(), config.server_name);
    if (leaving) return <LogOut onClose={onClose} />;
    return (
        <Modal title={t("account.title")} onClose={onClose}>
            <dl>
                <dt>{t("account.name")}</dt>
                <dd>{name}</dd>
                <dt>{t("account.identifier")}</dt>
                <dd>{mx.getUserId()}</dd>
                <dt>{t("account.language")}</dt>
                <dd>
                    <LanguageChoice />
                </dd>
            </dl>
            <div className="buttons">
                <Button autoFocus onPress={onClose}>{t("common.close")}</Button>
                <Button look="danger" onPress={() => setLeaving(true)}>{t("logout.submit")}</Button>
            </div>
        </Modal>
    );
}

/** Says what logging out loses, before it does. */
function LogOut({ onClose }: { onClose(): void }) {
    const t = useT();
    const client = useClient();
    const loss = useLoss();
    const out = useAction(useCallback(() => logOut(client), [client]));
    return (
        <Modal title={t("logout.title")} onClose={onClose}>
            <p>{t("logout.means")}</p>
            <div role="status">
                {loss?.kind === "some" && <p className="notice attention">{t("logout.some", { count: loss.keys })}</p>}
                {loss?.kind === "all" && <p className="notice error">{t("logout.all")}</p>}
            </div>
            <Fault>{out.fault && t("logout.fault", { fault: out.fault })}</Fault>
            <div className="buttons">
                <Button autoFocus onPress={onClose}>{t("common.cancel")}</Button>
                <Button look="danger" isDisabled={!loss || out.busy} onPress={() => (out.fault ? void client.leave() : out.run())}>
                    {t(out.fault ? "logout.anyway" : out.busy ? "logout.busy" : "logout.submit")}
                </Button>
            </div>
        </Modal>
    );
}

const pause = 1000; // milliseconds between two looks while keys are on their way to the backup

function useLoss(): Loss | null {
    const { mx } = useClient();
    const [loss, setLoss] = useState<Loss | null>(null);
    useEffect(() => {
        let timer: ReturnType<typeof setTimeout>;
        const look = async (): Promise<void> => {
            const now = await lossOf(mx);
            setLoss(now);
            if (now.kind === "some") timer = setTimeout(() => void look(), pause);
        };
        void look();
        return () => clearTimeout(timer);
    }, [mx]);
    return loss;
}
