import { app } from "./app";
import { message } from "./message";
import { polls } from "./polls";
import { recovery } from "./recovery";
import { rooms } from "./rooms";
import { threads } from "./threads";
import { timeline } from "./timeline";
import { ui } from "./ui";

/** Every text behind the log-in page, a file per folder of src. */
export const rest = {
    ...app,
    ...ui,
    ...rooms,
    ...threads,
    ...timeline,
    ...message,
    ...polls,
    ...recovery,
};
