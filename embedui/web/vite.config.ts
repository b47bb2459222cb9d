import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";
import { emoji } from "./scripts/emoji.mjs";

// Nothing is inlined: the content security policy allows no data: URLs and no inline scripts or styles.
export default defineConfig({
    plugins: [react(), emoji()],
    server: { proxy: { "/_matrix": "http://127.0.0.1:8008", "/config.json": "http://127.0.0.1:8008" } },
    build: {
        outDir: "../dist",
        emptyOutDir: true,
        target: "es2022",
        manifest: true,
        assetsInlineLimit: 0,
        modulePreload: { polyfill: false },
        reportCompressedSize: false,
        chunkSizeWarningLimit: 2000,
    },
});
