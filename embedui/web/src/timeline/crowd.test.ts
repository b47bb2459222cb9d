import { expect, test } from "vitest";
import { crowds } from "./crowd";
import type { Notice } from "./notice";

const notice = (key: Notice["key"], who: string, whom?: string): Notice => ({ key, who, ...(whom && { whom }) });

test("who came and who left are counted once, in the order of what came first", () => {
    expect(crowds([notice("joined", "@a:s"), notice("left", "@b:s"), notice("joined", "@c:s"), notice("joined", "@a:s")])).toEqual([
        { key: "joined", people: ["@a:s", "@c:s"] },
        { key: "left", people: ["@b:s"] },
    ]);
});

test("of an invitation the invited count", () => {
    expect(crowds([notice("invited", "@a:s", "@b:s"), notice("invited", "@a:s", "@c:s")])).toEqual([{ key: "invited", people: ["@b:s", "@c:s"] }]);
});
