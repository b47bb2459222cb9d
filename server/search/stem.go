package search

import "strings"

// stem takes the endings of plural and gender off a French word that was folded, so that "municipaux" and "municipale" are found by "municipal".
// It leaves verbs and derived words alone: who searches "conseil" does not mean "conseiller". Words of other languages lose at most a plural too.
//
// Searching beginnings of words instead is held against the same pairs in a test: of the 113 in testdata/pairs.txt it misses 73 from one side or the
// other (travaux, directrice, œil), and finds 14 that have nothing to do with each other (commun, communication).
func stem(word string) string {
	if len(word) < 4 || !isASCII(word) {
		return word
	}
	if whole := irregular(word); whole != "" {
		word = whole
	} else {
		word = singular(word)
	}
	return masculine(word)
}

// irregular gives the singular of plurals that no ending tells.
func irregular(word string) string {
	switch word {
	case "travaux", "vitraux", "emaux", "coraux", "vantaux", "soupiraux":
		return strings.TrimSuffix(word, "aux") + "ail"
	case "baux":
		return "bail"
	case "yeux":
		return "oeil"
	case "cieux":
		return "ciel"
	case "messieurs", "mesdames", "mesdemoiselles":
		return map[string]string{"messieurs": "monsieur", "mesdames": "madame", "mesdemoiselles": "mademoiselle"}[word]
	case "corps", "temps", "cours", "fois", "mois", "pays", "avis", "tres", "sous", "dans", "sans", "vers", "plus", "moins", "apres", "ours", "repas",
		"toujours", "jamais", "alors", "parcours", "concours", "secours", "discours", "recours", "bras", "gros", "bois", "poids", "puis", "depuis":
		return word
	}
	return ""
}

// singular takes the plural off.
func singular(w string) string {
	switch {
	case ends(w, "eaux", 0), ends(w, "yaux", 1), ends(w, "eux", 1), ends(w, "oux", 1):
		return w[:len(w)-1]
	case ends(w, "aux", 2):
		return w[:len(w)-2] + "l"
	case strings.HasSuffix(w, "ss"), strings.HasSuffix(w, "is") && len(w) < 5:
		return w
	case ends(w, "s", 3):
		return w[:len(w)-1]
	}
	return w
}

// masculine takes the feminine off, and the mute e of any word.
func masculine(w string) string {
	for _, change := range [...][2]string{{"trice", "teur"}, {"euse", "eu"}, {"eur", "eu"}, {"ive", "if"}, {"iere", "ier"}, {"ere", "er"}} {
		if ends(w, change[0], 3) {
			return dull(w[:len(w)-len(change[0])] + change[1])
		}
	}
	for len(w) > 3 && w[len(w)-1] == 'e' {
		w = w[:len(w)-1]
	}
	if n := len(w); n > 3 && w[n-1] == w[n-2] {
		w = w[:n-1]
	}
	return w
}

// dull makes one ending of -teur and -teu.
func dull(w string) string {
	if ends(w, "teur", 2) {
		return w[:len(w)-1]
	}
	return w
}

// ends tells whether a word has an ending, with at least some letters before it.
func ends(w, ending string, before int) bool {
	return len(w) >= len(ending)+before && strings.HasSuffix(w, ending)
}
