const most = 6; // emoji; more of them are a text

/** Tells whether a message is a few emoji and nothing else; they are shown larger. */
export function emojiOnly(text: string): boolean {
    const bare = text.replace(/\s/g, "");
    if (!bare || bare.length > 100 || /[\d#*©®™]/u.test(bare.replace(/[\d#*]\ufe0f?\u20e3/gu, ""))) return false;
    const parts = [...new Intl.Segmenter("fr", { granularity: "grapheme" }).segment(bare)].map(({ segment }) => segment);
    return parts.length <= most && parts.every((part) => /^(\p{Emoji_Presentation}|\p{Extended_Pictographic}|\p{Regional_Indicator}{2}|[\d#*]\ufe0f?\u20e3)/u.test(part));
}
