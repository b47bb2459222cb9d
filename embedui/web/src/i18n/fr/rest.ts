import { app } from "./app";
import { message } from "./message";
import { polls } from "./polls";
import { recovery } from "./recovery";
import { rooms } from "./rooms";
import { threads } from "./threads";
import { settings } from "./settings";
import { timeline } from "./timeline";
import { ui } from "./ui";
import { verification } from "./verification";

/** Every text behind the log-in page, a file per folder of src. */
export const rest = {
    ...app,
    ...ui,
    ...rooms,
    ...settings,
    ...threads,
    ...timeline,
    ...message,
    ...polls,
    ...recovery,
    ...verification,
};
