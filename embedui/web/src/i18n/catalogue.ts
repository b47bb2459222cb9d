import type { first } from "./fr/first";
import type { rest } from "./fr/rest";

type Shape<T> = { readonly [K in keyof T]: T[K] extends string ? string : Shape<T[K]> };

/** What every language has; French is the source. English has no `_many`, so it repeats `_other` there. */
export type First = Shape<typeof first>;
export type Rest = Shape<typeof rest>;

declare module "i18next" {
    interface CustomTypeOptions {
        resources: { translation: typeof first & typeof rest };
    }
}
