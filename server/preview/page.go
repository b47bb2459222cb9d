package preview

import (
	"cmp"
	"io"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// How long texts may be, in characters, and one tag, in bytes.
const (
	maxTitle       = 200
	maxDescription = 500
	maxTag         = 64 << 10
	enoughText     = 300 // characters of paragraphs, where nobody wrote a description
)

// page is what a page says of itself. It is read tag by tag: no tree is built, however deep the page pretends to be.
type page struct {
	meta       map[string]string // by property or name, the first of each
	title      strings.Builder
	heading    strings.Builder
	paragraphs strings.Builder
	link       string // <link rel="image_src">

	into   *strings.Builder // where text belongs now; nil: nowhere
	hidden atom.Atom        // the element whose text nobody sees, which is open; 0: none
}

// readPage reads as much as can be read.
func readPage(r io.Reader) *page {
	p := &page{meta: map[string]string{}}
	z := html.NewTokenizer(r)
	z.SetMaxBuf(maxTag)
	for {
		switch z.Next() {
		case html.ErrorToken:
			return p
		case html.StartTagToken:
			p.start(z, false)
		case html.SelfClosingTagToken:
			p.start(z, true)
		case html.EndTagToken:
			p.end(z)
		case html.TextToken:
			if p.into != nil && p.hidden == 0 && p.into.Len() < 4*maxDescription {
				p.into.Write(z.Text())
				p.into.WriteByte(' ')
			}
		}
	}
}

func (p *page) start(z *html.Tokenizer, empty bool) {
	name, more := z.TagName()
	switch tag := atom.Lookup(name); {
	case p.hidden != 0:
	case slices.Contains(unseen(), tag):
		if !empty {
			p.hidden = tag
		}
	case tag == atom.Meta && more:
		p.addMeta(attributes(z))
	case tag == atom.Link && more:
		if a := attributes(z); strings.EqualFold(a["rel"], "image_src") {
			p.link = cmp.Or(p.link, a["href"])
		}
	case tag == atom.Title && p.title.Len() == 0:
		p.into = &p.title
	case tag == atom.H1 && p.heading.Len() == 0:
		p.into = &p.heading
	case tag == atom.P && p.paragraphs.Len() < enoughText:
		p.into = &p.paragraphs
	}
}

// unseen are the elements whose text is none of the page's.
func unseen() []atom.Atom {
	return []atom.Atom{atom.Script, atom.Style, atom.Noscript, atom.Template, atom.Svg, atom.Nav, atom.Footer}
}

func (p *page) end(z *html.Tokenizer) {
	name, _ := z.TagName()
	switch tag := atom.Lookup(name); tag {
	case p.hidden:
		p.hidden = 0
	case atom.Title, atom.H1, atom.P:
		p.into = nil
	}
}

func attributes(z *html.Tokenizer) map[string]string {
	const most = 20
	all := map[string]string{}
	for range most {
		key, value, more := z.TagAttr()
		if _, twice := all[string(key)]; !twice {
			all[string(key)] = string(value)
		}
		if !more {
			break
		}
	}
	return all
}

// maxMeta is how many properties are remembered: those that count are a dozen.
const maxMeta = 100

func (p *page) addMeta(a map[string]string) {
	name := strings.ToLower(cmp.Or(a["property"], a["name"]))
	if _, known := p.meta[name]; !known && name != "" && a["content"] != "" && len(p.meta) < maxMeta {
		p.meta[name] = a["content"]
	}
}

// first gives the first of some properties that there is.
func (p *page) first(names ...string) string {
	for _, name := range names {
		if v := p.meta[name]; v != "" {
			return v
		}
	}
	return ""
}

func (p *page) image() string {
	return strings.TrimSpace(cmp.Or(p.first("og:image:secure_url", "og:image", "og:image:url", "twitter:image", "twitter:image:src"), p.link))
}

// card tells what the page says: OpenGraph, else what it says to Twitter, else what stands on it.
func (p *page) card() card {
	c := card{}
	c.put("og:title", cmp.Or(p.first("og:title", "twitter:title"), p.title.String(), p.heading.String()), maxTitle)
	c.put("og:description", cmp.Or(p.first("og:description", "twitter:description", "description"), p.paragraphs.String()), maxDescription)
	c.put("og:site_name", p.first("og:site_name", "application-name"), maxTitle)
	c.put("og:type", p.first("og:type"), maxTitle)
	if address, err := canonical(strings.TrimSpace(p.first("og:url"))); err == nil { // no script:, no part of an address
		c["og:url"] = address
	}
	c.put("og:image:alt", p.first("og:image:alt", "twitter:image:alt"), maxTitle)
	return c
}

// put tells a text, as one line of most characters at most, without what has no shape or turns the direction of what follows.
func (c card) put(name, text string, most int) {
	text = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case unicode.IsControl(r), unicode.Is(unicode.Bidi_Control, r), r == unicode.ReplacementChar:
			return -1
		}
		return r
	}, strings.ToValidUTF8(text, ""))
	text = strings.Join(strings.Fields(text), " ")
	if runes := []rune(text); len(runes) > most {
		text = string(runes[:most-1]) + "…"
	}
	if text != "" {
		c[name] = text
	}
}
