interface Props {
    name: string;
    /** People are round, salons are square. */
    shape?: "round" | "square";
}

/** Initials, beside a name that says it all: hidden from screen readers. */
export function Avatar({ name, shape = "round" }: Props) {
    return (
        <span className={`avatar ${shape}`} aria-hidden="true">
            {initials(name)}
        </span>
    );
}

const small = /^(à|au|aux|d|de|des|du|en|et|l|la|le|les|of|the|and)$/i;

/** The first letters of the first two words that count. */
export function initials(name: string): string {
    const words = name.match(/[\p{L}\p{N}]+/gu) ?? [];
    const counting = words.filter((word) => !small.test(word));
    const chosen = counting.length ? counting : words;
    return chosen.slice(0, 2).map((word) => [...word][0]!.toUpperCase()).join("");
}
