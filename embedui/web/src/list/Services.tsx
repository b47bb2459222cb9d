import { useMemo } from "react";
import { ToggleButton } from "react-aria-components/ToggleButton";
import { ToggleButtonGroup } from "react-aria-components/ToggleButtonGroup";
import { go, pathOf } from "../app/route";
import { useT } from "../i18n";
import type { RoomLine } from "./line";
import { roomsWithin } from "./sections";

const all = "all";

interface Props {
    spaces: readonly RoomLine[];
    joined: readonly RoomLine[];
    chosen: string | null;
    onChoose(space: string | null): void;
}

/** Whose salons the list shows: everybody's, or one service's. One stop of the Tab key. */
export function Services({ spaces, joined, chosen, onChoose }: Props) {
    const t = useT();
    if (!spaces.length) return null;
    return (
        <div className="services">
            <ToggleButtonGroup
                aria-label={t("services.label")} selectionMode="single" disallowEmptySelection className="chips"
                selectedKeys={[chosen ?? all]} onSelectionChange={([key]) => onChoose(key === all ? null : String(key))}
            >
                <ToggleButton id={all} className="chip">{t("services.all")}</ToggleButton>
                {spaces.map((space) => (
                    <ToggleButton key={space.id} id={space.id} className="chip">
                        {space.name}
                        <Waiting space={space} spaces={spaces} joined={joined} />
                    </ToggleButton>
                ))}
            </ToggleButtonGroup>
            {chosen && <ServiceLink id={chosen} name={spaces.find((space) => space.id === chosen)?.name ?? ""} />}
        </div>
    );
}

/** How many salons of a service have something new. */
function Waiting({ space, spaces, joined }: { space: RoomLine; spaces: readonly RoomLine[]; joined: readonly RoomLine[] }) {
    const t = useT();
    const count = useMemo(() => {
        const within = roomsWithin(spaces, space.id);
        return joined.filter((line) => line.unread > 0 && within.has(line.id)).length;
    }, [spaces, joined, space.id]);
    if (!count) return null;
    return (
        <span className="waiting">
            <span aria-hidden="true">{count}</span>
            <span className="unseen">{t("services.waiting", { count })}</span>
        </span>
    );
}

function ServiceLink({ id, name }: { id: string; name: string }) {
    const t = useT();
    const to = { page: "space", id } as const;
    return (
        <a href={pathOf(to)} onClick={(event) => (event.preventDefault(), go(to))}>
            {t("services.open", { name })}
        </a>
    );
}
