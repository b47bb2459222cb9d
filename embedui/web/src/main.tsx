import "./styles/tokens.css";
import "./styles/base.css";
import "./styles/controls.css";
import { createRoot } from "react-dom/client";
import { startAppearance } from "./appearance";
import { loadConfig } from "./config";
import { preferredLanguage, startLanguage } from "./i18n";
import { Root, Unreachable } from "./Root";

async function start(): Promise<void> {
    startAppearance();
    const root = createRoot(document.getElementById("root")!);
    const [config] = await Promise.all([loadConfig().catch(() => null), startLanguage(preferredLanguage())]);
    root.render(config ? <Root config={config} /> : <Unreachable />);
}

void start();
