import { useCallback, useMemo } from "react";
import { Virtualizer } from "virtua";
import { useRoute } from "../app/route";
import { useT } from "../i18n";
import { useOneStop } from "../ui/oneStop";
import type { RoomLine } from "./line";
import { RoomRow } from "./RoomRow";
import { listItems, type ListItem } from "./sections";

interface Props {
    lines: readonly RoomLine[];
    /** The rooms of the service that is chosen; null: all. */
    only: ReadonlySet<string> | null;
}

/** Conversations and salons under their headings: only what is seen is drawn. One stop of the Tab key; arrows, Home, End and first letters lead on. */
export function RoomList({ lines, only }: Props) {
    const t = useT();
    const items = useMemo(() => listItems(lines, only), [lines, only]);
    const route = useRoute();
    const current = route.page === "room" ? route.id : null;
    const { stop, keyDown, scroller, virtual, onFocus } = useOneStop(items, current);
    const draw = useCallback(
        (item: ListItem, index: number) => <Item key={item.key} item={item} current={item.key === current} stop={index === stop} title={item.kind === "heading" ? t(`list.${item.section}`) : ""} />,
        [current, stop, t],
    );
    return (
        <div className="rooms" ref={scroller} onKeyDown={keyDown} onFocus={onFocus}>
            <Virtualizer ref={virtual} scrollRef={scroller} data={items} as="ul" item="li" keepMounted={stop < 0 ? [] : [stop]}>
                {draw}
            </Virtualizer>
        </div>
    );
}

function Item({ item, current, stop, title }: { item: ListItem; current: boolean; stop: boolean; title: string }) {
    if (item.kind === "heading") return <h2>{title}</h2>;
    return <RoomRow line={item.line} position={item.position} of={item.of} current={current} stop={stop} />;
}
