import { useT } from "../i18n";
import type { Completion } from "./useCompletion";

export const optionId = (box: string, i: number): string => `${box}-option-${i}`;

/** The names that one may mean. The cursor stays in the text; the arrows move in the list. */
export function CompletionList({ completion, box }: { completion: Completion; box: string }) {
    const t = useT();
    const { options, active, choose } = completion;
    return (
        <>
            <p className="unseen" role="status">{options.length ? t("composer.found", { count: options.length }) : ""}</p>
            {options.length > 0 && (
                <ul className="completion" role="listbox" id={`${box}-options`} aria-label={t("composer.options")}>
                    {options.map((option, i) => (
                        <li
                            key={option.key} id={optionId(box, i)} role="option" aria-selected={i === active}
                            onMouseDown={(event) => (event.preventDefault(), choose(option))}
                        >
                            <bdi>{option.shown}</bdi> {option.hint && <span className="quiet">{option.hint}</span>}
                        </li>
                    ))}
                </ul>
            )}
        </>
    );
}
