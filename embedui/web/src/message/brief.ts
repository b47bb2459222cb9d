import i18next from "i18next";
import type { Body } from "../timeline/body";
import { straight } from "./tree";

/** A message in one line. */
export function brief(body: Body): string {
    switch (body.kind) {
        case "text":
            return straight(body.html ? body.text.replace(/\*\*|~~|`/g, "") : body.text).replace(/\s+/g, " ").slice(0, 160);
        case "file":
            return body.name;
        case "poll":
            return i18next.t("poll.brief", { question: body.question });
        default:
            return i18next.t(`message.${body.kind}`);
    }
}
