package mail

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/textproto"
	"syscall"
)

// trouble says what keeps mail from going, as the end of a message's key.
type trouble string

const (
	troubleOff         trouble = "off"
	troubleLookup      trouble = "lookup"
	troubleRefused     trouble = "refused"
	troubleSilent      trouble = "silent"
	troubleCertificate trouble = "certificate"
	troublePlain       trouble = "plain"
	troubleAway        trouble = "away"
	troubleLogin       trouble = "login"
	troubleSender      trouble = "sender"
	troubleRecipient   trouble = "recipient"
	troubleContent     trouble = "content"
	troubleBroken      trouble = "broken"
	troubleLate        trouble = "late"
)

// failure is why a mail did not go.
type failure struct {
	trouble trouble
	cause   error
	mine    bool // it is about this mail, and says nothing about others
	final   bool // another attempt would fail alike
}

func (f *failure) Error() string { return string(f.trouble) + ": " + f.cause.Error() }
func (f *failure) Unwrap() error { return f.cause }

// failed turns an error into a failure: what the connection tells goes before what the step was.
func failed(step trouble, err error) *failure {
	var certificate *tls.CertificateVerificationError
	var lookup *net.DNSError
	var timeout net.Error
	switch {
	case errors.As(err, &certificate):
		step = troubleCertificate
	case errors.As(err, &lookup) && !lookup.IsTimeout:
		step = troubleLookup
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		step = troubleSilent
	case errors.Is(err, syscall.ECONNREFUSED):
		step = troubleRefused
	}
	return &failure{trouble: step, cause: err}
}

// refused is the answer to a command about one mail: 5yz won't change, 4yz may. Without an answer it is the connection's failure.
// Source: RFC 5321, 4.2.1.
func refused(step trouble, err error) *failure {
	var answer *textproto.Error
	if !errors.As(err, &answer) {
		return failed(troubleBroken, err)
	}
	return &failure{trouble: step, cause: err, mine: true, final: answer.Code/100 == 5}
}
