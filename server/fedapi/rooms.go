package fedapi

import (
	"encoding/json"
	"net/url"
	"strconv"

	"beffroi/server/merr"
	"beffroi/server/rooms"
	"beffroi/server/store"
)

// Source: server-server API, "Retrieving events", "Backfilling and retrieving missing events", "Retrieving event authorisation information".
func (a *API) roomRoutes() []route {
	const v1 = "/_matrix/federation/v1/"
	return []route{
		signed("GET", v1+"event/{eventId}", a.event),
		signed("GET", v1+"state/{roomId}", a.state),
		signed("GET", v1+"state_ids/{roomId}", a.stateIDs),
		signed("GET", v1+"event_auth/{roomId}/{eventId}", a.eventAuth),
		signed("GET", v1+"backfill/{roomId}", a.backfill),
		signed("POST", v1+"get_missing_events/{roomId}", a.missingEvents),
		signed("GET", v1+"timestamp_to_event/{roomId}", a.eventAtTime),
	}
}

// look reads what the server that asks may have of the room that it names.
func look[T any](a *API, r *request, read func(v *rooms.ServerView) (T, error)) (T, error) {
	return store.Get(r.Context(), a.DB, func(rd *store.Reader) (answer T, err error) {
		v, err := rooms.LookFrom(rd, r.PathValue("roomId"), r.Origin)
		if err != nil {
			return answer, err
		}
		return read(v)
	})
}

// transaction is how events are given out of order.
type transaction struct {
	Origin string            `json:"origin"`
	TS     int64             `json:"origin_server_ts"`
	PDUs   []json.RawMessage `json:"pdus"`
}

func (a *API) transaction(pdus []json.RawMessage) transaction {
	return transaction{a.ServerName, store.Millis(a.Now()), pdus}
}

func (a *API) event(r *request) (any, error) {
	return store.Get(r.Context(), a.DB, func(rd *store.Reader) (any, error) {
		v, e, err := rooms.LookFromAt(rd, r.PathValue("eventId"), r.Origin)
		if err != nil {
			return nil, err
		}
		raw, err := v.Give(&e)
		return a.transaction([]json.RawMessage{raw}), err
	})
}

func (a *API) state(r *request) (any, error) {
	id, err := required(r.URL.Query(), "event_id")
	if err != nil {
		return nil, err
	}
	return look(a, r, func(v *rooms.ServerView) (any, error) {
		ids, err := v.StateBefore(id)
		if err != nil {
			return nil, err
		}
		state, err := v.Events(ids.State)
		if err != nil {
			return nil, err
		}
		chain, err := v.Events(ids.AuthChain)
		return map[string]any{"pdus": state, "auth_chain": chain}, err
	})
}

func (a *API) stateIDs(r *request) (any, error) {
	id, err := required(r.URL.Query(), "event_id")
	if err != nil {
		return nil, err
	}
	return look(a, r, func(v *rooms.ServerView) (any, error) {
		ids, err := v.StateBefore(id)
		return map[string]any{"pdu_ids": ids.State, "auth_chain_ids": ids.AuthChain}, err
	})
}

func (a *API) eventAuth(r *request) (any, error) {
	return look(a, r, func(v *rooms.ServerView) (any, error) {
		chain, err := v.AuthChain(r.PathValue("eventId"))
		return map[string]any{"auth_chain": chain}, err
	})
}

func (a *API) backfill(r *request) (any, error) {
	q := r.URL.Query()
	limit, err := strconv.Atoi(q.Get("limit"))
	if err != nil || !q.Has("v") {
		return nil, merr.InvalidParam("limit and v are needed: a number, and the events to begin with")
	}
	return look(a, r, func(v *rooms.ServerView) (any, error) {
		events, err := v.Older(q["v"], limit)
		return a.transaction(events), err
	})
}

func (a *API) missingEvents(r *request) (any, error) {
	q := rooms.MissingQuery{Limit: 10} // the specification's default
	if err := r.Decode(&q); err != nil {
		return nil, err
	}
	return look(a, r, func(v *rooms.ServerView) (any, error) {
		events, err := v.Between(q)
		return map[string]any{"events": events}, err
	})
}

func (a *API) eventAtTime(r *request) (any, error) {
	q := r.URL.Query()
	dir, err := required(q, "dir")
	if err != nil {
		return nil, err
	}
	if _, err = required(q, "ts"); err != nil {
		return nil, err
	}
	ts, err := millis(q, "ts")
	if err != nil {
		return nil, err
	}
	if dir != "f" && dir != "b" {
		return nil, merr.InvalidParam("dir is f or b")
	}
	return look(a, r, func(v *rooms.ServerView) (any, error) {
		e, err := v.AtTime(ts, dir == "f")
		return map[string]any{"event_id": e.ID, "origin_server_ts": e.TS}, err
	})
}

// required reads a parameter: 400 M_MISSING_PARAM without it.
func required(q url.Values, name string) (string, error) {
	if v := q.Get(name); v != "" {
		return v, nil
	}
	return "", merr.MissingParam("%s is missing", name)
}
