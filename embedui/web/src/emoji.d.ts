// scripts/emoji.mjs makes them of emojibase's.
declare module "virtual:emoji/*" {
    /** Groups of [emoji, name, other words, 1 where it takes a tone of skin]. */
    const groups: [string, string, string, 0 | 1][][];
    export default groups;
}
