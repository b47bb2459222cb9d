package outbox

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"syscall"

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
