package remote

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"beffroi/server/merr"
	"beffroi/server/pdu"
)

// recommendTime is how long a policy server may take: somebody waits for each message.
const recommendTime = 15 * time.Second

// Recommend implements rooms.Policing.
func (r Rooms) Recommend(ctx context.Context, server string, e *pdu.Event) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, recommendTime)
	defer cancel()
	b, err := r.Post(ctx, server, "/_matrix/policy/v1/sign", e.JSON())
	var refused *Refused
	if errors.As(err, &refused) && refused.Code != "" && refused.Status >= 400 && refused.Status < 500 {
		return "", merr.New(refused.Status, shortened(refused.Code), "%s", shortened(refused.Text)).Because(err) // verbatim, as the specification asks
	}
	if err != nil {
		return "", err
	}
	var answer map[string]map[string]string
	if err := json.Unmarshal(b, &answer); err != nil {
		return "", err
	}
	signature, ok := answer[server]["ed25519:policy_server"]
	if !ok {
		return "", errors.New(server + " gives no signature")
	}
	return signature, nil
}
