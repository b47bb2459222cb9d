import type { Capabilities } from "matrix-js-sdk";
import { expect, test } from "vitest";
import { mayChange } from "./mayChange";

test.each([
    [{}, true],
    [{ "m.set_displayname": { enabled: true } }, true],
    [{ "m.set_displayname": { enabled: false } }, false],
    [{ "m.set_avatar_url": { enabled: false } }, true],
    [{ "m.profile_fields": { enabled: false } }, false],
    [{ "m.profile_fields": { enabled: true, allowed: ["avatar_url"] } }, false],
    [{ "m.profile_fields": { enabled: true, allowed: ["displayname"], disallowed: ["displayname"] } }, true],
    [{ "m.profile_fields": { enabled: true, disallowed: ["displayname"] } }, false],
    [{ "m.profile_fields": { enabled: true }, "m.set_displayname": { enabled: false } }, false],
])("%j: the name may be changed: %s", (capabilities, may) => {
    expect(mayChange(capabilities as Capabilities, "displayname")).toBe(may);
});
