import { app } from "./app";
import { message } from "./message";
import { rooms } from "./rooms";
import { timeline } from "./timeline";
import { recovery } from "./recovery";

/** Every text behind the log-in page, a file per folder of src. */
export const rest = { ...app, ...rooms, ...timeline, ...message, ...recovery };
