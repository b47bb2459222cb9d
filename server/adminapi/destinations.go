package adminapi

import (
	"context"
	"strconv"
	"time"

	"beffroi/server/federation/outbox"
	"beffroi/server/journal"
	"beffroi/server/merr"
	"beffroi/server/store"
)

// The servers to which this one sends. Source of Synapse's calls: its admin API, "Federation API".
func (a *API) destinationCalls() []Call {
	const (
		synapse = "/_synapse/admin/v1/federation/destinations"
		own     = "/_beffroi/admin/v1/federation/destinations"
	)
	return []Call{
		call("GET", synapse, Reads, "the servers that share rooms with this one, chosen by `destination`, always by name", a.synapseDestinations),
		call("GET", synapse+"/{destination}", Reads, "one of them", a.synapseDestination),
		call("GET", synapse+"/{destination}/rooms", Reads, "the rooms that it is in; `stream_ordering` is 0", a.destinationRooms),
		call("POST", synapse+"/{destination}/reset_connection", Acts, "sends what waits for it at once", a.resetConnection),
		call("GET", own, Reads, "`{destinations: [{server, state, words, failed, since_ts, retry_ts, last_success_ts, last_error, waiting, dropped}], total, next}`, by name, from `from`, "+
			"chosen by `search` and by `state` (failing, behind, dead, or trouble for all three)", a.destinations),
		call("GET", own+"/{server}", Reads, "one of them, with `rooms`: the first hundred that it is in", a.destination),
		call("POST", own+"/{server}/retry", Acts, "sends what waits for it at once; answers `{waiting}`", a.retryDestination),
	}
}

type destination struct {
	Server      string `json:"server"`
	State       string `json:"state"`
	Words       string `json:"words"` // in French
	Failed      int    `json:"failed"`
	Since       int64  `json:"since_ts,omitempty"`
	Retry       int64  `json:"retry_ts,omitempty"`
	LastSuccess int64  `json:"last_success_ts,omitempty"`
	LastError   string `json:"last_error,omitempty"`
	Waiting     int    `json:"waiting"` // 1001 or more: many
	Dropped     int64  `json:"dropped"`
}

func destinationOf(st outbox.Standing) destination {
	now := time.Now()
	return destination{st.Server, st.State(now), st.Words(now), st.Failed, millis(st.Since), millis(st.Until), millis(st.LastSuccess), st.LastError, st.Waiting, st.Dropped}
}

// millis is 0 for the zero time.
func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return store.Millis(t)
}

// standings lists how it stands with servers; none where this server speaks with no other.
func (a *API) standings(r *request, holds string, wanted func(outbox.Standing) bool) (all []outbox.Standing, total, next int, err error) {
	from, limit, err := page(r)
	if err != nil || a.Outbox == nil {
		return nil, 0, 0, err
	}
	if all, total, err = a.Outbox.Standings(r.Context(), holds, from, limit, wanted); from+len(all) < total {
		next = from + len(all)
	}
	return all, total, next, err
}

func (a *API) standing(r *request, name string) (st outbox.Standing, err error) {
	found := false
	if a.Outbox != nil {
		st, found, err = a.Outbox.Standing(r.Context(), r.PathValue(name))
	}
	if err == nil && !found {
		err = merr.NotFound("This server shares no room with %s", r.PathValue(name))
	}
	return st, err
}

func (a *API) destinations(r *request) (any, error) {
	query := r.URL.Query()
	state, now := query.Get("state"), time.Now()
	all, total, next, err := a.standings(r, query.Get("search"), func(st outbox.Standing) bool {
		is := st.State(now)
		return state == "" || state == is || state == "trouble" && (is == outbox.Failing || is == outbox.Behind || is == outbox.Dead)
	})
	answer := map[string]any{"total": total}
	list := make([]destination, len(all))
	for i, st := range all {
		list[i] = destinationOf(st)
	}
	if answer["destinations"] = list; next > 0 {
		answer["next"] = next
	}
	return answer, err
}

func (a *API) destination(r *request) (any, error) {
	st, err := a.standing(r, "server")
	if err != nil {
		return nil, err
	}
	rooms, err := a.Outbox.Rooms(r.Context(), st.Server, 0, 100)
	ids := make([]string, len(rooms))
	for i, room := range rooms {
		ids[i] = room.ID
	}
	return struct {
		destination
		Rooms []string `json:"rooms"`
	}{destinationOf(st), ids}, err
}

func (a *API) retryDestination(r *request) (any, error) {
	st, err := a.standing(r, "server")
	if err != nil {
		return nil, err
	}
	return map[string]any{"waiting": st.Waiting}, a.retry(r, st.Server)
}

func (a *API) retry(r *request, server string) error {
	return a.Journal.Do(r.Context(), journal.Entry{Actor: r.Session.UserID, Act: journal.RetryServer, Target: server}, func(context.Context) error {
		a.Outbox.Retry(server)
		return nil
	})
}

// synapseDestination is a destination as Synapse shows it.
type synapseDestination struct {
	Destination   string `json:"destination"`
	RetryLast     int64  `json:"retry_last_ts"`
	RetryInterval int64  `json:"retry_interval"`
	Failure       *int64 `json:"failure_ts"`
	LastOrdering  *int64 `json:"last_successful_stream_ordering"`
}

func synapseOf(st outbox.Standing) synapseDestination {
	d := synapseDestination{Destination: st.Server}
	if st.Failed > 0 {
		since := millis(st.Since)
		d.Failure, d.RetryLast = &since, since
		d.RetryInterval = max(millis(st.Until)-since, 0)
	}
	return d
}

func (a *API) synapseDestinations(r *request) (any, error) {
	all, total, next, err := a.standings(r, r.URL.Query().Get("destination"), nil)
	list := make([]synapseDestination, len(all))
	for i, st := range all {
		list[i] = synapseOf(st)
	}
	answer := map[string]any{"destinations": list, "total": total}
	if next > 0 {
		answer["next_token"] = strconv.Itoa(next)
	}
	return answer, err
}

func (a *API) synapseDestination(r *request) (any, error) {
	st, err := a.standing(r, "destination")
	return synapseOf(st), err
}

func (a *API) destinationRooms(r *request) (any, error) {
	st, err := a.standing(r, "destination")
	if err != nil {
		return nil, err
	}
	from, limit, err := page(r)
	if err != nil {
		return nil, err
	}
	all, err := a.Outbox.Rooms(r.Context(), st.Server, 0, 1<<31-1)
	part, next := cut(all, from, limit)
	list := make([]map[string]any, len(part))
	for i, room := range part {
		list[i] = map[string]any{"room_id": room.ID, "stream_ordering": 0}
	}
	answer := map[string]any{"rooms": list, "total": len(all)}
	if next > 0 {
		answer["next_token"] = strconv.Itoa(next)
	}
	return answer, err
}

func (a *API) resetConnection(r *request) (any, error) {
	st, err := a.standing(r, "destination")
	if err != nil {
		return nil, err
	}
	if st.Failed == 0 {
		return nil, merr.New(400, "M_UNKNOWN", "The retry timing does not need to be reset for this destination.")
	}
	return map[string]any{}, a.retry(r, st.Server)
}
