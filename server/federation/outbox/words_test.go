package outbox

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	"beffroi/server/federation/remote"
)

func TestWordsForErrors(t *testing.T) {
	for want, err := range map[string]error{
		"règles d'échange":   remote.ErrRefused,
		"403 M_FORBIDDEN":    &remote.Refused{Server: "b", Status: 403, Code: "M_FORBIDDEN"},
		"certificat":         &tls.CertificateVerificationError{Err: errors.New("x")},
		"le DNS":             &net.DNSError{Name: "b"},
		"refuse la":          syscall.ECONNREFUSED,
		"dans le temps":      context.DeadlineExceeded,
		"connexion échoue :": errors.New("x"),
	} {
		if got := words(fmt.Errorf("b: %w", err)); !strings.Contains(got, want) {
			t.Errorf("%v: %s", err, got)
		}
	}
}

func TestWordsForStates(t *testing.T) {
	now := time.UnixMilli(1_700_000_000_000)
	for want, st := range map[string]Standing{
		"up_to_date à jour":    {},
		"waits envoi en cours": {Waiting: 1},
		"failing en panne depuis 1 h 05 ; prochain essai dans 4 min": {Failed: 1, Since: now.Add(-65 * time.Minute), Until: now.Add(4 * time.Minute)},
		"behind absent depuis 2 jours":                               {Failed: 9, Missed: true, Since: now.Add(-49 * time.Hour)},
		"dead absent depuis 30 jours":                                {Failed: 99, Missed: true, Since: now.Add(-30 * 24 * time.Hour)},
	} {
		if got := st.State(now) + " " + st.Words(now); !strings.HasPrefix(got, want) {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
