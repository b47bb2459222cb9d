import { JoinRule, KnownMembership, RoomType, type HierarchyRoom } from "matrix-js-sdk";
import { useCallback } from "react";
import { go } from "../app/route";
import { useClient } from "../client/context";
import { useT } from "../i18n";
import { useRooms } from "../list/context";
import { Avatar } from "../ui/Avatar";
import { Button } from "../ui/Button";
import { Fault } from "../ui/Fault";
import { useAction } from "../ui/useAction";
import { join, knock } from "./actions";
import { headCount } from "./people";

type Way = "open" | "waiting" | "join" | "ask" | "closed";

/** A salon of a space, and the way into it. */
export function SpaceRoom({ child }: { child: HierarchyRoom }) {
    const t = useT();
    const { mx, config } = useClient();
    useRooms(); // one's own memberships
    const space = child.room_type === RoomType.Space;
    const name = child.name ?? t("room.unnamed");
    const here = mx.getRoom(child.room_id);
    const way = wayIn(here?.getMyMembership(), child.join_rule);
    const enter = useAction(
        useCallback(async () => {
            if (way === "ask") return knock(mx, child.room_id);
            if (way === "join") await join(mx, child.room_id);
            go(space ? { page: "space", id: child.room_id } : { page: "room", id: child.room_id, details: false });
        }, [mx, child.room_id, space, way]),
    );
    const facts = [t("room.members", { count: way === "open" ? headCount(here!, config.custodian) : child.num_joined_members }), child.topic].filter(Boolean);
    return (
        <li className="card">
            <Avatar name={name} mxc={child.avatar_url} shape="square" />
            <div className="words">
                <h3 className="name">{name}</h3>
                <p className="quiet">{facts.join(" · ")}</p>
                <Fault>{enter.fault}</Fault>
            </div>
            {way === "open" || way === "join" || way === "ask" ? (
                <Button look={way === "open" ? "plain" : "primary"} aria-label={t(`space.way.${way}Named`, { name })} isDisabled={enter.busy} onPress={() => enter.run()}>
                    {t(enter.busy ? "invitation.busy" : `space.way.${way}`)}
                </Button>
            ) : (
                <p className="quiet">{t(`space.way.${way}`)}</p>
            )}
        </li>
    );
}

function wayIn(membership: string | undefined, rule: string | undefined): Way {
    if (membership === KnownMembership.Join) return "open";
    if (membership === KnownMembership.Knock) return "waiting";
    if (membership === KnownMembership.Invite || rule === undefined || rule === JoinRule.Public || rule === JoinRule.Restricted) return "join";
    return rule === JoinRule.Knock || rule === "knock_restricted" ? "ask" : "closed";
}
