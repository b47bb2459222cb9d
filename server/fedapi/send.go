package fedapi

import (
	"beffroi/server/httpx"
	"beffroi/server/limits"
)

// limitTransaction is the most bytes of a transaction: 50 events as large as may be, and half as much for the rest. The specification has no limit.
const limitTransaction = 75 * httpx.LimitEvent

// Source: server-server API, "Transactions".
func (a *API) sendRoutes() []route {
	return []route{{Method: "PUT", Path: "/_matrix/federation/v1/send/{txnId}", Handle: a.send, Auth: httpx.Signed, Limit: limitTransaction, Class: limits.Servers}}
}

func (a *API) send(r *request) (any, error) {
	body, err := r.ReadBody()
	if err != nil {
		return nil, err
	}
	answer, items, err := a.Inbox.Take(r.Context(), r.Origin, r.PathValue("txnId"), body)
	r.Moves(items * limits.Weight)
	return answer, err
}
