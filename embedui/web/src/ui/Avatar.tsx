import { createContext, use, useEffect, useState } from "react";

interface Props {
    name: string;
    /** The picture's mxc: address; initials stand there without it, and until it comes. */
    mxc?: string | null | undefined;
    /** People are round, salons are square. */
    shape?: "round" | "square";
}

/** Where pictures come from. */
export const PicturesContext = createContext<{ of(mxc: string): Promise<string | null> } | null>(null);

/** A picture or initials, beside a name that says it all: hidden from screen readers. */
export function Avatar({ name, mxc, shape = "round" }: Props) {
    const picture = usePicture(mxc ?? null);
    return (
        <span className={`avatar ${shape}`} aria-hidden="true">
            {picture ? <img src={picture} alt="" draggable={false} /> : initials(name)}
        </span>
    );
}

function usePicture(mxc: string | null): string | null {
    const pictures = use(PicturesContext);
    const [shown, setShown] = useState<{ mxc: string; address: string | null } | null>(null);
    useEffect(() => {
        let over = false;
        if (mxc) void pictures?.of(mxc).then((address) => over || setShown({ mxc, address }));
        return () => void (over = true);
    }, [pictures, mxc]);
    return shown && shown.mxc === mxc ? shown.address : null;
}

const small = /^(à|au|aux|d|de|des|du|en|et|l|la|le|les|of|the|and)$/i;

/** The first letters of the first two words that count. */
export function initials(name: string): string {
    const words = name.match(/[\p{L}\p{N}]+/gu) ?? [];
    const counting = words.filter((word) => !small.test(word));
    const chosen = counting.length ? counting : words;
    return chosen.slice(0, 2).map((word) => [...word][0]!.toUpperCase()).join("");
}
