// Where the tests leave what people look at. The folder is not part of the repository.
import { mkdirSync } from "node:fs";
import { fileURLToPath } from "node:url";

export const outDir = fileURLToPath(new URL("out/", import.meta.url));
mkdirSync(outDir, { recursive: true });
