package clientapi

import (
	"beffroi/server/ephemeral"
	"beffroi/server/limits"
)

// Spec: client-server API, "Fully read markers".
func (a *API) readMarkerRoutes() []route {
	return []route{
		{Method: "POST", Path: "/_matrix/client/v3/rooms/{roomId}/read_markers", Handle: a.setReadMarkers, Suspended: true, Class: limits.Ephemeral},
	}
}

func (a *API) setReadMarkers(r *request) (any, error) {
	var body struct {
		FullyRead   string `json:"m.fully_read"`
		Read        string `json:"m.read"`
		ReadPrivate string `json:"m.read.private"`
	}
	if err := r.Decode(&body); err != nil {
		return nil, err
	}
	var markers []ephemeral.Marker
	for _, m := range []ephemeral.Marker{
		{Type: ephemeral.FullyRead, EventID: body.FullyRead},
		{Type: ephemeral.Read, EventID: body.Read},
		{Type: ephemeral.ReadPrivate, EventID: body.ReadPrivate},
	} {
		if m.EventID != "" {
			markers = append(markers, m)
		}
	}
	return nil, a.Ephemeral.Mark(r.Context(), r.PathValue("roomId"), r.Session.User, markers...)
}
