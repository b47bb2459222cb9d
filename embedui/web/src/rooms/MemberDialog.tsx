import { KnownMembership, RoomMemberEvent, RoomStateEvent, type Room, type RoomMember } from "matrix-js-sdk";
import { useCallback, useState } from "react";
import { go } from "../app/route";
import { useClient } from "../client/context";
import { useEvents } from "../client/events";
import { spoken } from "../client/identifier";
import { useT } from "../i18n";
import { Avatar } from "../ui/Avatar";
import { Button } from "../ui/Button";
import { Choice } from "../ui/Choice";
import { Fault } from "../ui/Fault";
import { Modal } from "../ui/Modal";
import { useAction } from "../ui/useAction";
import { createConversation } from "./actions";
import { memberName } from "./preview";
import { RemoveForm } from "./RemoveForm";
import ReportDialog from "./ReportDialog";
import { giveRole, mayAct, roleOf, rolesFor, type Role } from "./roles";

const changes = [RoomStateEvent.Members, RoomStateEvent.Events, RoomMemberEvent.PowerLevel] as const;

/** A member of a room: who it is, what one may do about it. */
export default function MemberDialog({ room, userId, onClose }: { room: Room; userId: string; onClose(): void }) {
    const { mx } = useClient();
    useEvents(room, changes);
    const [asking, setAsking] = useState<"kick" | "ban" | "report" | null>(null);
    const member = room.getMember(userId)!;
    const name = memberName(room, userId);
    if (asking === "report") return <ReportDialog what={{ userId }} name={name} onClose={onClose} />;
    return (
        <Modal title={name} onClose={onClose}>
            <Who member={member} name={name} />
            {asking ? <RemoveForm room={room} member={member} how={asking} onDone={onClose} onCancel={() => setAsking(null)} /> : (
                <>
                    {member.membership === KnownMembership.Join && <RoleChoice room={room} member={member} />}
                    <Actions room={room} member={member} self={userId === mx.getUserId()} onAsk={setAsking} onClose={onClose} />
                </>
            )}
        </Modal>
    );
}

function Who({ member, name }: { member: RoomMember; name: string }) {
    const t = useT();
    const { config } = useClient();
    const state = member.membership === KnownMembership.Join ? t(`roles.${roleOf(member)}`) : t(`details.state.${member.membership as "invite" | "ban" | "leave" | "knock"}`);
    return (
        <div className="who-is">
            <Avatar name={name} mxc={member.getMxcAvatarUrl()} />
            <p className="words">
                <span>{spoken(member.userId, config.server_name)}</span>
                <span className="quiet">{state}</span>
            </p>
        </div>
    );
}

/** Arrow keys go through the roles, so a button says which one it shall be. */
function RoleChoice({ room, member }: { room: Room; member: RoomMember }) {
    const t = useT();
    const { mx } = useClient();
    const [role, setRole] = useState<Role | null>(null);
    const now = roleOf(member);
    const give = useAction(
        useCallback(async (next: Role) => {
            await giveRole(mx, room, member.userId, next);
            setRole(null);
        }, [mx, room, member]),
    );
    const possible = rolesFor(mx, room, member);
    if (!possible.length) return null;
    return (
        <>
            <Choice
                label={t("roles.label")} value={role ?? now} onChange={(next) => setRole(next)}
                options={possible.map((value) => ({ value, label: t(`roles.${value}`), hint: t(`roles.means.${value}`) }))}
            />
            {member.userId === mx.getUserId() && role !== null && role !== now && <p className="notice attention">{t("roles.self")}</p>}
            <Fault>{give.fault}</Fault>
            {role !== null && role !== now && (
                <div className="buttons">
                    <Button look="primary" isDisabled={give.busy} onPress={() => give.run(role)}>{t("roles.change")}</Button>
                </div>
            )}
        </>
    );
}

interface ActionsProps {
    room: Room;
    member: RoomMember;
    self: boolean;
    onAsk(what: "kick" | "ban" | "report"): void;
    onClose(): void;
}

function Actions({ room, member, self, onAsk, onClose }: ActionsProps) {
    const t = useT();
    const { mx } = useClient();
    const write = useAction(
        useCallback(async () => {
            const id = await createConversation(mx, member.userId);
            onClose();
            go({ page: "room", id, details: false }, true);
        }, [mx, member, onClose]),
    );
    const unban = useAction(useCallback(async () => (await mx.unban(room.roomId, member.userId), onClose()), [mx, room, member, onClose]));
    const banned = member.membership === KnownMembership.Ban;
    const here = member.membership === KnownMembership.Join || member.membership === KnownMembership.Invite;
    return (
        <>
            <Fault>{write.fault ?? unban.fault}</Fault>
            <div className="buttons">
                {!self && <Button look="primary" isDisabled={write.busy} onPress={() => write.run()}>{t("member.write")}</Button>}
                {here && mayAct(mx, room, member, "kick") && <Button onPress={() => onAsk("kick")}>{t("member.kick")}</Button>}
                {here && mayAct(mx, room, member, "ban") && <Button look="danger" onPress={() => onAsk("ban")}>{t("member.ban")}</Button>}
                {banned && mayAct(mx, room, member, "ban") && <Button isDisabled={unban.busy} onPress={() => unban.run()}>{t("member.unban")}</Button>}
                {!self && <Button onPress={() => onAsk("report")}>{t("member.report")}</Button>}
                <Button onPress={onClose}>{t("common.close")}</Button>
            </div>
        </>
    );
}
