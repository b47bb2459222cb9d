import { useT } from "../i18n";

/** Every key that does something, by place. */
const places = {
    everywhere: ["find", "tab", "escape"],
    list: ["arrows", "ends", "letters", "open"],
    messages: ["arrows", "ends"],
    writing: ["send", "line", "mention"],
} as const;

export function Keyboard() {
    const t = useT();
    return (Object.keys(places) as (keyof typeof places)[]).map((place) => (
        <section key={place} aria-labelledby={`keys-${place}`}>
            <h3 id={`keys-${place}`}>{t(`keyboard.${place}.title`)}</h3>
            <dl className="keys">
                {places[place].map((what) => (
                    <div key={what}>
                        <dt><kbd>{t(`keyboard.${place}.${what}.keys` as "keyboard.list.arrows.keys")}</kbd></dt>
                        <dd>{t(`keyboard.${place}.${what}.does` as "keyboard.list.arrows.does")}</dd>
                    </div>
                ))}
            </dl>
        </section>
    ));
}
