package mail

import (
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"beffroi/server/look/looktest"
	"beffroi/server/mail/mailtest"
	"beffroi/server/merr"
	"beffroi/server/store"
)

// Every language says everything, with the same values in it.
func TestTextsAreComplete(t *testing.T) { looktest.Complete(t, embedded, "messages", languages()) }

// Every mail and every trouble has its texts, and every text belongs to one.
func TestTextsAreUsed(t *testing.T) {
	source, err := os.ReadFile("write.go")
	if err != nil {
		t.Fatal(err)
	}
	troubles, err := os.ReadFile("trouble.go")
	if err != nil {
		t.Fatal(err)
	}
	french := looktest.Texts(t, embedded, "messages", "fr")
	for _, kind := range Templates() {
		for _, part := range []string{"_subject", "_text", "_button", "_after"} {
			wanted := kind.linked() || part == "_subject" || part == "_text"
			if _, is := french[string(kind)+part]; is != wanted {
				t.Errorf("%s%s: %v, want %v", kind, part, is, wanted)
			}
			delete(french, string(kind)+part)
		}
	}
	for _, named := range regexp.MustCompile(`trouble = "([a-z]+)"`).FindAllStringSubmatch(string(troubles), -1) {
		key := "trouble_" + named[1]
		if french[key] == "" {
			t.Errorf("no %s", key)
		}
		delete(french, key)
	}
	for _, key := range slices.Sorted(maps.Keys(french)) {
		if !strings.Contains(string(source), `"`+key+`"`) {
			t.Errorf("nobody says %s", key)
		}
	}
}

// All mails in both languages can be written, and say what they are given.
func TestAllMails(t *testing.T) {
	w, err := newWriter("vauclair.test")
	if err != nil {
		t.Fatal(err)
	}
	for _, lang := range languages() {
		for _, kind := range Templates() {
			m := Message{To: "agent@mairie.test", Language: lang, Template: kind, Data: Data{UserID: "@elodie:vauclair.test", Address: "autre@mairie.test",
				Link: "https://vauclair.test/x", At: time.Date(2026, 12, 1, 18, 0, 0, 0, time.Local), Until: time.Date(2026, 12, 1, 19, 0, 0, 0, time.Local)}}
			p, err := w.page(&m, "Mairie de Vauclair")
			if err != nil {
				t.Fatal(lang, kind, err)
			}
			all := strings.Join(append(append([]string{p.Subject, p.Footer, p.Button}, p.Text...), p.After...), "\n")
			if strings.Contains(all, "<no value>") || strings.Contains(all, "{{") {
				t.Errorf("%s %s: %s", lang, kind, all)
			}
			if kind.linked() && (p.Button == "" || p.Link == "") {
				t.Errorf("%s %s leads nowhere", lang, kind)
			}
		}
	}
	if got := w.date("fr", time.Date(2026, 12, 1, 18, 3, 0, 0, time.Local)); got != "mardi 1er décembre 2026 à 18\u00a0h\u00a003" {
		t.Error(got)
	}
	if got := w.date("en", time.Date(2026, 12, 1, 18, 3, 0, 0, time.Local)); got != "Tuesday 1 December 2026 at 18:03" {
		t.Error(got)
	}
}

// What others chose is text: neither markup nor a header.
func TestNothingIsInjected(t *testing.T) {
	const evil = "x\r\nBcc: victime@mairie.test\r\n\r\n<img src=https://mal.test/><a href=x>"
	server := mailtest.Start(t, mailtest.Options{})
	f := start(t, nil)
	if err := f.db.Write(t.Context(), func(tx *store.Tx) error { return tx.PutMeta(store.MetaCommuneName, evil) }); err != nil {
		t.Fatal(err)
	}
	f.configure(plain(server))
	f.send(Message{To: "agent@mairie.test", Template: Digest, Data: Data{UserID: evil, Link: "https://x.test/", Leave: "https://x.test/fin", More: 2,
		Rooms: []Room{{Name: evil, Unread: 3, Mentions: 1}, {Unread: 1}}}})
	f.work()
	m := server.Wait(1)
	if len(m.Header["Bcc"]) != 0 || m.Header.Get("From") == "" {
		t.Errorf("header: %v", m.Header)
	}
	if strings.Contains(m.HTML, "<img") || strings.Contains(m.HTML, "<a href=x") || !strings.Contains(m.HTML, "&lt;img") {
		t.Errorf("html: %s", m.HTML)
	}
	if !strings.Contains(m.Text, "(messages non lus\u00a0: 3, dont pour vous\u00a0: 1)") {
		t.Errorf("text: %s", m.Text)
	}
	for _, want := range []string{"Conversation (messages non lus", "et d’autres salons\u00a0: 2", "Ne plus recevoir ce résumé\nhttps://x.test/fin\n"} {
		if !strings.Contains(m.Text, want) {
			t.Errorf("text lacks %q: %s", want, m.Text)
		}
	}
	if m.Header.Get("List-Unsubscribe") != "<https://x.test/fin>" || m.Header.Get("List-Unsubscribe-Post") != "List-Unsubscribe=One-Click" {
		t.Errorf("header: %v", m.Header)
	}
	if len(server.Mails()) != 1 {
		t.Error("more than one mail")
	}
}

func TestMessagesThatAreRefused(t *testing.T) {
	f := start(t, nil)
	f.configure(Settings{Host: "mail.test", Port: 587, TLS: StartTLS})
	for name, c := range map[string]struct {
		m    Message
		code string
	}{
		"two addresses": {hello("a@mairie.test, b@mairie.test"), "M_INVALID_PARAM"},
		"lines":         {hello("a@mairie.test\r\nBcc: b@mairie.test"), "M_INVALID_PARAM"},
		"no address":    {hello(""), "M_INVALID_PARAM"},
		"unknown mail":  {Message{To: "a@mairie.test", Template: "autre"}, "M_INVALID_PARAM"},
		"many rooms":    {Message{To: "a@mairie.test", Template: Digest, Data: Data{Rooms: make([]Room, maxRooms+1)}}, "M_INVALID_PARAM"},
		"large":         {Message{To: "a@mairie.test", Template: Digest, Data: Data{UserID: strings.Repeat("x", maxMailBytes)}}, "M_TOO_LARGE"},
	} {
		if err := f.Send(t.Context(), c.m); !merr.Is(err, c.code) {
			t.Errorf("%s: %v, want %s", name, err, c.code)
		}
	}
	if h := f.health(); h.Waiting != 0 {
		t.Errorf("%+v", h)
	}
}

// A link that is none never goes out; it is told as a message that can't be sent.
func TestLinksLeadToPages(t *testing.T) {
	w, err := newWriter("vauclair.test")
	if err != nil {
		t.Fatal(err)
	}
	for _, link := range []string{"", "javascript:alert(1)", "/x", "https://x.test/\nX", "data:text/html,x"} {
		m := Message{To: "a@mairie.test", Language: "fr", Template: Digest, Data: Data{Link: link}}
		if _, err := w.write(&m, 1, Settings{From: "m@vauclair.test"}); err == nil {
			t.Errorf("%q went", link)
		}
		m.Data.Link, m.Data.Leave = "https://x.test/", link
		if _, err := w.write(&m, 1, Settings{From: "m@vauclair.test"}); err == nil && link != "" {
			t.Errorf("%q went as the end", link)
		}
	}
}
