package server

import (
	"context"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"beffroi/server/mail"
	"beffroi/server/mail/mailtest"
	"beffroi/server/push/pusher"
	"beffroi/server/store"
	"beffroi/server/store/storetest"
	"beffroi/server/threepid"
)

// What package pusher knows of unread messages becomes a mail.
func TestDigestsBecomeMails(t *testing.T) {
	db := storetest.Open(t).DB
	mails, err := mail.New(t.Context(), db, mail.Config{ServerName: "vauclair.test", Dial: new(net.Dialer).DialContext, Now: time.Now, Log: zerolog.Nop()})
	if err != nil {
		t.Fatal(err)
	}
	d := digests{threepid.New(db, mails, "https://vauclair.test", time.Now, zerolog.Nop()), mails, "https://vauclair.test"}
	digest := &pusher.Digest{To: "elodie@mairie.test", Lang: "fr-FR", UserID: "@elodie:vauclair.test", More: 3, Token: "A+B",
		Rooms: []pusher.DigestRoom{{Name: "Salle des fêtes", Unread: 4, Mentions: 1}, {Unread: 1}}}
	send := func() error { return db.Write(t.Context(), func(tx *store.Tx) error { return d.SendIn(tx, digest) }) }
	if err := send(); err != nil {
		t.Fatal("without a mail server:", err)
	}
	box := mailtest.Start(t, mailtest.Options{})
	if err := mails.Configure(t.Context(), mail.Settings{Host: box.Host, Port: box.Port, TLS: mail.None, From: "m@vauclair.test"}); err != nil {
		t.Fatal(err)
	}
	if err := send(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- mails.Run(ctx) }()
	m := box.Wait(1)
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	for _, want := range []string{"- Salle des fêtes (messages non lus\u00a0: 4, dont pour vous\u00a0: 1)\n", "- Conversation (messages non lus\u00a0: 1)\n",
		"et d’autres salons\u00a0: 3\n", "https://vauclair.test/\n", "https://vauclair.test/_beffroi/courriel/resume?jeton=A%2BB\n"} {
		if !strings.Contains(m.Text, want) {
			t.Errorf("lacks %q:\n%s", want, m.Text)
		}
	}
	if m.Header.Get("List-Unsubscribe") != "<https://vauclair.test/_beffroi/courriel/resume?jeton=A%2BB>" || len(box.Mails()) != 1 {
		t.Error(m.Header, len(box.Mails()))
	}
}
