import type { fr } from "./fr";

type Shape<T> = { readonly [K in keyof T]: T[K] extends string ? string : Shape<T[K]> };

/** What every language has; French is the source. English has no `_many`, so it repeats `_other` there. */
export type Catalogue = Shape<typeof fr>;

declare module "i18next" {
    interface CustomTypeOptions {
        resources: { translation: typeof fr };
    }
}
