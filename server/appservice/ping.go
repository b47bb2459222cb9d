package appservice

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"time"

	"beffroi/server/merr"
	"beffroi/server/registrations"
)

const (
	pingTime   = 10 * time.Second
	pingAnswer = 4 << 10 // bytes of a wrong answer that are shown
)

// Ping asks a service whether it is there, and gives how long that took. Errors: 400 M_URL_NOT_SET, 502 M_BAD_STATUS with status and body, 502
// M_CONNECTION_FAILED, 504 M_CONNECTION_TIMEOUT. A service that answers, whatever, gets what waits for it at once.
//
// Source: application service API, "Pinging".
func (s *Service) Ping(ctx context.Context, r *registrations.Registration, txnID string) (time.Duration, error) {
	p := s.peers[r.ID]
	body, err := json.Marshal(struct {
		TxnID string `json:"transaction_id,omitempty"`
	}{txnID})
	if err != nil {
		return 0, err
	}
	ctx, cancel := context.WithTimeout(ctx, pingTime)
	defer cancel()
	start := time.Now()
	a, err := p.ask(ctx, call{method: http.MethodPost, path: "/ping", body: body})
	if err == nil {
		p.wake()
	}
	if err := pingError(a, err); err != nil {
		return 0, err
	}
	return time.Since(start), nil
}

func pingError(a answer, err error) error {
	var network net.Error
	switch {
	case errors.Is(err, errNoURL):
		return merr.New(http.StatusBadRequest, "M_URL_NOT_SET", "The application service has no URL")
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &network) && network.Timeout():
		return merr.New(http.StatusGatewayTimeout, "M_CONNECTION_TIMEOUT", "The application service did not answer in time").Because(err)
	case err != nil:
		return merr.New(http.StatusBadGateway, "M_CONNECTION_FAILED", "The application service can't be reached").Because(err)
	case !a.ok():
		shown := string(a.body[:min(len(a.body), pingAnswer)])
		return merr.New(http.StatusBadGateway, "M_BAD_STATUS", "The application service answered with status %d", a.status).
			With("status", a.status).With("body", shown)
	}
	return nil
}
