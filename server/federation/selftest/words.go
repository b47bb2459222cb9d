package selftest

import (
	"embed"
	"strings"

	"beffroi/server/look"
)

//go:embed messages
var embedded embed.FS

// Words are what a finding says to people.
type Words struct {
	Verdict Verdict `json:"verdict"`
	Found   string  `json:"found"`
	Do      string  `json:"do,omitempty"` // what is to be done; none where all is well
}

// Say puts findings into words; lang is "fr" or "en".
func Say(findings []Finding, lang string) ([]Words, error) {
	say, err := look.Say(embedded, "messages", lang)
	if err != nil {
		return nil, err
	}
	words := make([]Words, len(findings))
	for i, f := range findings {
		words[i].Verdict = f.Verdict
		if words[i].Found, err = say(f.Key, f.Data); err != nil {
			return nil, err
		}
		if f.Verdict == Good {
			continue
		}
		if words[i].Do, err = say(f.Key+"_do", f.Data); err != nil {
			return nil, err
		}
	}
	return words, nil
}

// Text is the findings for a terminal.
func Text(words []Words) string {
	var b strings.Builder
	for _, w := range words {
		b.WriteString(map[Verdict]string{Good: "✓ ", Odd: "! ", Bad: "✗ "}[w.Verdict] + w.Found + "\n")
		if w.Do != "" {
			b.WriteString("  → " + w.Do + "\n")
		}
	}
	return b.String()
}
