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

export function initials(name: string): string {
    const words = name.match(/[\p{L}\p{N}]+/gu) ?? [];
    const long = words.filter((word) => word.length > 2);
    const chosen = long.length > 1 ? long : words;
    return chosen.slice(0, 2).map((word) => [...word][0]!.toUpperCase()).join("");
}
