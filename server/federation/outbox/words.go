package outbox

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"syscall"
	"time"

	"beffroi/server/federation/remote"
)

// words says in French what is wrong with a server, for those who administer this one.
func words(err error) string {
	var refused *remote.Refused
	var dns *net.DNSError
	var certificate *tls.CertificateVerificationError
	switch {
	case errors.Is(err, remote.ErrRefused):
		return "ce serveur ne parle pas avec lui (règles d'échange)"
	case errors.As(err, &refused):
		return fmt.Sprintf("il répond %d %s %.200s", refused.Status, refused.Code, refused.Text)
	case errors.As(err, &certificate):
		return fmt.Sprintf("son certificat n'est pas accepté : %.200s", certificate.Err)
	case errors.As(err, &dns):
		return fmt.Sprintf("le DNS ne le trouve pas : %.200s", dns.Name)
	case errors.Is(err, syscall.ECONNREFUSED):
		return "il refuse la connexion"
	case errors.Is(err, context.DeadlineExceeded), isTimeout(err):
		return "il ne répond pas dans le temps prévu"
	}
	return fmt.Sprintf("la connexion échoue : %.200s", err)
}

func isTimeout(err error) bool {
	var e net.Error
	return errors.As(err, &e) && e.Timeout()
}

// The states of a server.
const (
	UpToDate = "up_to_date"
	Waits    = "waits"   // something is on its way to it, or waits for its turn
	Failing  = "failing" // everything is kept for it
	Behind   = "behind"  // it has been away for long: it will be told the newest of each room
	Dead     = "dead"    // for so long that it is tried once a week only
)

// State is one of these.
func (st Standing) State(now time.Time) string {
	switch {
	case st.Failed > 0 && !st.Since.IsZero() && now.Sub(st.Since) > dead:
		return Dead
	case st.Missed:
		return Behind
	case st.Failed > 0:
		return Failing
	case st.Waiting > 0:
		return Waits
	}
	return UpToDate
}

// Words says in French how it stands.
func (st Standing) Words(now time.Time) string {
	since := "depuis " + lasting(now.Sub(st.Since))
	again := "prochain essai dans " + lasting(st.Until.Sub(now))
	if !st.Until.After(now) {
		again = "nouvel essai en cours"
	}
	switch st.State(now) {
	case Dead:
		return "absent " + since + " : il n'est plus essayé qu'une fois par semaine, ou dès qu'il se manifeste"
	case Behind:
		return "absent " + since + " : à son retour, il recevra le dernier message de chaque salon et demandera la suite ; " + again
	case Failing:
		return "en panne " + since + " ; " + again
	case Waits:
		return "envoi en cours"
	}
	return "à jour"
}

// lasting is a time in words, to two places.
func lasting(d time.Duration) string {
	minutes := int(max(d, 0) / time.Minute)
	switch {
	case minutes < 1:
		return "moins d'une minute"
	case minutes < 60:
		return fmt.Sprintf("%d min", minutes)
	case minutes < 48*60:
		return fmt.Sprintf("%d h %02d", minutes/60, minutes%60)
	}
	return fmt.Sprintf("%d jours", minutes/60/24)
}
