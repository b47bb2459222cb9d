package search

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// Limits of what one search may ask of the index.
const (
	maxTerm  = 1000 // bytes of a search term that are looked at
	maxWords = 30   // the index reads a list for each, without giving rows meanwhile; what comes after them is not looked for
	maxTags  = 150  // rooms or senders named to the index; more are sifted out of what it finds
	frequent = 4 * windowSize
)

// query is what a user searches: all of the phrases.
type query struct {
	phrases [][]Word
	length  int // words of all
}

// parseQuery reads a search term: words, all of which an event must have, and "phrases" between any quotation marks. What is written without a
// space (rendez-vous) is a phrase too. Whatever is typed is a query: what is no word is nothing.
func parseQuery(term string) query {
	var q query
	if len(term) > maxTerm {
		term = strings.ToValidUTF8(term[:maxTerm], "")
	}
	quoted := false
	for {
		i := strings.IndexFunc(term, isQuote)
		part, rest := term, ""
		if i >= 0 {
			_, size := utf8.DecodeRuneInString(term[i:])
			part, rest = term[:i], term[i+size:]
		}
		if quoted && i >= 0 { // a mark that nothing closes is none
			q.add(part)
		} else {
			for chunk := range strings.FieldsSeq(part) {
				q.add(chunk)
			}
		}
		if i < 0 {
			return q
		}
		term, quoted = rest, !quoted
	}
}

func isQuote(r rune) bool { return strings.ContainsRune("\"«»“”„", r) }

func (q *query) add(text string) {
	words := Words(text)
	if words = words[:min(len(words), maxWords-q.length)]; len(words) > 0 {
		q.phrases = append(q.phrases, words)
		q.length += len(words)
	}
}

// match is the query in the language of FTS5, on some columns of the index.
//
// Source: SQLite, "FTS5", "Full-text Query Syntax". A string in quotation marks is never syntax, and no word holds one.
func (q *query) match(columns []string) string {
	parts := make([]string, len(q.phrases))
	for i, phrase := range q.phrases {
		parts[i] = `"` + stems(phrase) + `"`
	}
	return "{" + strings.Join(columns, " ") + "} : (" + strings.Join(parts, " AND ") + ")"
}

// tagged adds that an event must have one of some tags.
func tagged(match string, tags []string) string {
	return `tags : ("` + strings.Join(tags, `" OR "`) + `") AND ` + match
}

// Weights of the rank. It is made of the event and the query alone: how frequent a word is elsewhere would tell of events that the user may not see.
const (
	saturation = 1.2  // the more often a word is there the less another time counts
	shortness  = 0.5  // how much the length of the text counts
	usual      = 20.0 // words of a usual message
	inexact    = 0.7  // another form of the word
)

// rank tells how well a text fits, and adds the words that do to found.
func (q *query) rank(text []Word, found map[string]bool) float64 {
	total, length := 0.0, saturation*(1-shortness+shortness*float64(len(text))/usual)
	for _, phrase := range q.phrases {
		weight := 0.0
		for i := range text {
			if len(text)-i < len(phrase) || !samePhrase(phrase, text[i:]) {
				continue
			}
			weight += exactness(phrase, text[i:])
			for _, w := range text[i : i+len(phrase)] {
				if found != nil {
					found[w.Text] = true
				}
			}
		}
		total += weight * (saturation + 1) / (weight + length)
	}
	return total
}

func samePhrase(phrase, text []Word) bool {
	for i := range phrase {
		if phrase[i].Stem != text[i].Stem {
			return false
		}
	}
	return true
}

func exactness(phrase, text []Word) float64 {
	for i := range phrase {
		if phrase[i].Exact != text[i].Exact {
			return inexact
		}
	}
	return 1
}

// words are those of the query as they were typed.
func (q *query) words() []string {
	var words []string
	for _, phrase := range q.phrases {
		for _, w := range phrase {
			if !slices.Contains(words, w.Text) {
				words = append(words, w.Text)
			}
		}
	}
	return words
}
