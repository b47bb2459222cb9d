import { app } from "./app";
import { message } from "./message";
import { recovery } from "./recovery";
import { rooms } from "./rooms";
import { timeline } from "./timeline";
import { ui } from "./ui";

/** Every text behind the log-in page, a file per folder of src. */
export const rest = {
    ...app,
    ...ui,
    ...rooms,
    ...timeline,
    ...message,
    ...recovery,
};
