package directory

import (
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"strings"

	"beffroi/server/merr"
)

// publicOf asks another server for a page of its directory.
//
// Source: server-server API, "POST /_matrix/federation/v1/publicRooms".
func (s *Service) publicOf(ctx context.Context, q PublicQuery) (p PublicPage, err error) {
	if s.remote == nil {
		return p, merr.NotFound("The server %s can't be reached from here", q.Server)
	}
	body, err := q.body()
	if err != nil {
		return p, err
	}
	raw, err := s.asked.get(ctx, s.now(), "publicRooms "+q.Server+" "+string(body), func(ctx context.Context) ([]byte, error) {
		return s.remote.PublicRooms(ctx, q.Server, body)
	})
	if err != nil {
		return p, unreachable(q.Server, err)
	}
	if p, err = farPage(raw); err != nil {
		return p, merr.New(http.StatusBadGateway, "M_UNKNOWN", "What %s says is no directory", q.Server).Because(err)
	}
	return p, nil
}

// body is the question as servers put it to each other.
func (q *PublicQuery) body() ([]byte, error) {
	filter := map[string]any{}
	if q.Search != "" {
		filter["generic_search_term"] = q.Search
	}
	if q.Types != nil {
		filter["room_types"] = q.Types
	}
	question := map[string]any{"limit": cmp.Or(min(max(q.Limit, 0), maxPublic), usualPublic), "filter": filter, "include_all_networks": q.AllNetworks}
	if q.Since != "" {
		question["since"] = q.Since
	}
	if q.Network != "" {
		question["third_party_instance_id"] = q.Network
	}
	return json.Marshal(question)
}

// farPage takes what is right of another server's answer.
func farPage(raw []byte) (PublicPage, error) {
	var page struct {
		Chunk []json.RawMessage `json:"chunk"`
		Next  string            `json:"next_batch"`
		Prev  string            `json:"prev_batch"`
		Total float64           `json:"total_room_count_estimate"`
	}
	if err := json.Unmarshal(raw, &page); err != nil {
		return PublicPage{}, err
	}
	p := PublicPage{Chunk: []Entry{}, Next: page.Next, Prev: page.Prev, Total: int(max(0, min(page.Total, 1<<40)))}
	for _, one := range page.Chunk[:min(len(page.Chunk), maxPublic)] {
		var e Entry
		if err := json.Unmarshal(one, &e); err == nil && e.fits() {
			p.Chunk = append(p.Chunk, e)
		}
	}
	return p, nil
}

// fits tells whether what another server says of a room can be shown.
func (e *Entry) fits() bool {
	e.JoinRule = cmp.Or(e.JoinRule, "public") // the specification's default
	e.Joined = max(e.Joined, 0)
	if !strings.HasPrefix(e.AvatarURL, "mxc://") {
		e.AvatarURL = ""
	}
	return strings.HasPrefix(e.RoomID, "!") && len(e.RoomID) <= 255
}
