package threepid

import (
	"fmt"
	"net/http"
	"time"

	"beffroi/server/limits"
	"beffroi/server/merr"
	"beffroi/server/store"
)

// How many mails may be asked for within an hour: to one address, from one network, by one account, and by all together. Nobody can fill another's
// mailbox through this server, or spoil its name with mail servers.
const (
	window     = time.Hour
	perAddress = 5
	perNetwork = 20
	perAccount = 10
	together   = 300
)

type bound struct {
	who  string
	most int
}

// bounds are those that a request is held to. On this machine is a proxy that does not say for whom it asks, or a test.
func (q Request) bounds() []bound {
	all := []bound{{"address " + q.Address, perAddress}, {"all", together}}
	if network := limits.Prefix(q.From); network.IsValid() && !q.From.IsLoopback() {
		all = append(all, bound{"network " + network.String(), perNetwork})
	}
	if q.User != 0 {
		all = append(all, bound{fmt.Sprintf("account %d", q.User), perAccount})
	}
	return all
}

// bound counts a mail, or refuses it with 429 M_LIMIT_EXCEEDED.
func (s *Service) bound(tx *store.Tx, q Request) error {
	now := s.now()
	for _, b := range q.bounds() {
		asked, err := tx.MailAsked(b.who, store.Millis(now.Add(-window)))
		if err != nil {
			return err
		}
		if len(asked) >= b.most {
			wait := asked[len(asked)-b.most] + window.Milliseconds() - store.Millis(now)
			return merr.New(http.StatusTooManyRequests, "M_LIMIT_EXCEEDED", "Too many e-mails were asked for").With("retry_after_ms", max(wait, 1))
		}
		if err := tx.NoteMailAsked(b.who, store.Millis(now)); err != nil {
			return err
		}
	}
	return nil
}
