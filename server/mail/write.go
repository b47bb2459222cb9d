package mail

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	htmltemplate "html/template"
	"net/mail"
	"net/url"
	"strings"
	texttemplate "text/template"
	"time"
	"unicode"

	"github.com/BurntSushi/toml"
	"github.com/nicksnyder/go-i18n/v2/i18n"
	gomail "github.com/wneessen/go-mail"
	"golang.org/x/text/language"
)

//go:embed templates messages
var embedded embed.FS

// languages are those of mails; the first is the source and what somebody gets whose language is not known.
func languages() []string { return []string{"fr", "en"} }

// Language gives the language of mails and their pages that suits an Accept-Language header best.
func Language(header string) string {
	tags := make([]language.Tag, len(languages()))
	for i, lang := range languages() {
		tags[i] = language.Make(lang)
	}
	_, i := language.MatchStrings(language.NewMatcher(tags), header)
	return languages()[i]
}

// writer writes mails out.
type writer struct {
	server   string
	messages map[string]*i18n.Localizer // by language
	html     *htmltemplate.Template
	text     *texttemplate.Template
}

func newWriter(server string) (*writer, error) {
	w := &writer{server: server, messages: map[string]*i18n.Localizer{}}
	bundle := i18n.NewBundle(language.French)
	bundle.RegisterUnmarshalFunc("toml", toml.Unmarshal)
	for _, lang := range languages() {
		if _, err := bundle.LoadMessageFileFS(embedded, "messages/"+lang+".toml"); err != nil {
			return nil, fmt.Errorf("mail: %w", err)
		}
		w.messages[lang] = i18n.NewLocalizer(bundle, lang)
	}
	var htmlErr, textErr error
	w.html, htmlErr = htmltemplate.ParseFS(embedded, "templates/mail.html")
	w.text, textErr = texttemplate.ParseFS(embedded, "templates/mail.txt")
	return w, errors.Join(htmlErr, textErr)
}

// say gives a message of a language; its data are put in as plain text.
func (w *writer) say(lang, key string, data any) (string, error) {
	messages := w.messages[lang]
	if messages == nil {
		messages = w.messages[languages()[0]]
	}
	return messages.Localize(&i18n.LocalizeConfig{MessageID: key, TemplateData: data})
}

// page is what both forms of a mail are filled with.
type page struct {
	Language, Subject, Town, Hello, CopyLink, Footer string

	Text, After  []string
	Button, Link string // Button is empty where the mail has none
	Rooms        []line
	More         string // rooms that are not named; empty: none
	Leave        string // a link; empty: none
	LeaveText    string
}

type line struct{ Name, Counts string }

// page finds the texts of a message of a commune.
func (w *writer) page(m *Message, town string) (p page, err error) {
	data := map[string]any{"Town": town, "Server": w.server, "UserID": m.Data.UserID, "Address": m.Data.Address,
		"At": w.date(m.Language, m.Data.At), "Until": w.date(m.Language, m.Data.Until), "More": m.Data.More}
	say := func(key string) string {
		text, wrong := w.say(m.Language, key, data)
		err = errors.Join(err, wrong)
		return text
	}
	kind := string(m.Template)
	p = page{Language: m.Language, Town: town, Subject: say(kind + "_subject"), Hello: say("hello"), CopyLink: say("copy_link"),
		Footer: say("footer"), Text: paragraphs(say(kind + "_text"))}
	for _, room := range m.Data.Rooms {
		p.Rooms = append(p.Rooms, w.line(m.Language, room))
	}
	if m.Data.More > 0 {
		p.More = say("more")
	}
	if p.Leave = m.Data.Leave; p.Leave != "" {
		p.LeaveText = say("leave")
	}
	if !m.Template.linked() {
		return p, err
	}
	p.Button, p.Link, p.After = say(kind+"_button"), m.Data.Link, paragraphs(say(kind+"_after"))
	if !leads(p.Link) || p.Leave != "" && !leads(p.Leave) {
		return p, errors.Join(err, fmt.Errorf("%s needs a link", kind))
	}
	return p, err
}

// leads tells whether a link leads to a page.
func leads(link string) bool {
	u, err := url.Parse(link)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && !unprintable(link)
}

// linked tells whether a mail leads somewhere.
func (t Template) linked() bool {
	switch t {
	case ConfirmAddress, ConfirmRegister, ResetPassword, PasswordLink, Digest:
		return true
	}
	return false
}

// line is a room as a digest shows it.
func (w *writer) line(lang string, room Room) line {
	said := func(key string) string {
		text, _ := w.say(lang, key, room) // all are there: a test asks
		return text
	}
	l := line{printable(room.Name), said("unread")}
	if room.Mentions > 0 {
		l.Counts += ", " + said("mentions")
	}
	if l.Name == "" {
		l.Name = said("conversation")
	}
	return l
}

// date is "lundi 23 novembre 2026 à 9 h 05", in the machine's time zone.
func (w *writer) date(lang string, at time.Time) string {
	at = at.Local()
	word := func(key string, n int) string {
		text, _ := w.say(lang, key, nil)
		return strings.Fields(text)[n]
	}
	day := fmt.Sprint(at.Day())
	if at.Day() == 1 {
		day = word("first_of_month", 0)
	}
	text, _ := w.say(lang, "date", map[string]any{"Weekday": word("days", int(at.Weekday())), "Day": day, "Month": word("months", int(at.Month())-1),
		"Year": at.Year(), "Hour": at.Hour(), "Minute": fmt.Sprintf("%02d", at.Minute())})
	return text
}

func paragraphs(text string) []string { return strings.Split(strings.TrimSpace(text), "\n\n") }

// printable is a text on one line.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == '\u2028' || r == '\u2029' {
			return ' '
		}
		return r
	}, s)
}

// write gives a mail as it is sent, plain text and HTML in one. The same queued mail is written the same twice, so that one that arrived twice is known as one.
func (w *writer) write(m *Message, id int64, s Settings) (*gomail.Msg, error) {
	town := printable(s.town)
	if town == "" {
		town = w.server
	}
	p, err := w.page(m, town)
	if err != nil {
		return nil, err
	}
	name := s.Name
	if name == "" {
		name = town
	}
	var text, html bytes.Buffer
	msg := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	err = errors.Join(w.text.Execute(&text, p), w.html.Execute(&html, p), msg.From((&mail.Address{Name: name, Address: s.From}).String()), msg.To(m.To))
	if err != nil {
		return nil, err
	}
	msg.Subject(printable(p.Subject))
	msg.SetDateWithValue(m.Data.At)
	msg.SetMessageIDWithValue(fmt.Sprintf("%d.%d@%s", m.Data.At.UnixNano(), id, Domain(s.From)))
	msg.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834: no answering machine answers
	if p.Leave != "" {
		msg.SetGenHeader(gomail.HeaderListUnsubscribe, "<"+p.Leave+">")
		msg.SetGenHeader(gomail.HeaderListUnsubscribePost, "List-Unsubscribe=One-Click") // RFC 8058
	}
	msg.SetBodyString(gomail.TypeTextPlain, text.String())
	msg.AddAlternativeString(gomail.TypeTextHTML, html.String())
	return msg, nil
}
