// The rule of server/passwordrule, which is the CNIL's (délibération 2022-100): 12 characters of four classes, 14 of three, or a passphrase of seven words.

const fullLength = 12;
const longerLength = 14;
const passphraseWords = 7;
const maxBytes = 512;

export type Problem = "missing" | "tooLong" | "short" | "longer" | "noLower" | "noUpper" | "noDigit" | "noSpecial";

/** What a password lacks; nothing where it is good. */
export function problemsOf(password: string): Problem[] {
    if (!password) return ["missing"];
    if (new TextEncoder().encode(password).length > maxBytes) return ["tooLong"];
    const length = [...password].length;
    const missing = missingClasses(password);
    const good = words(password) >= passphraseWords || (length >= fullLength && !missing.length) || (length >= longerLength && missing.length <= 1);
    if (good) return [];
    const tooShort: Problem[] = length < fullLength ? ["short"] : missing.length === 1 ? ["longer"] : [];
    return [...tooShort, ...missing];
}

function missingClasses(password: string): Problem[] {
    const classes: [Problem, RegExp][] = [["noLower", /\p{Ll}/u], ["noUpper", /\p{Lu}/u], ["noDigit", /\p{Nd}/u], ["noSpecial", /[^\p{Ll}\p{Lu}\p{Nd}]/u]];
    return classes.filter(([, pattern]) => !pattern.test(password)).map(([problem]) => problem);
}

/** The different words of at least two letters. */
function words(password: string): number {
    return new Set(password.toLowerCase().match(/\p{L}{2,}/gu) ?? []).size;
}
