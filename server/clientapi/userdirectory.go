package clientapi

import (
	"beffroi/server/limits"
	"beffroi/server/merr"
)

// Spec: client-server API, "User Directory".
func (a *API) userDirectoryRoutes() []route {
	return []route{
		{Method: "POST", Path: "/_matrix/client/v3/user_directory/search", Handle: a.findPeople, Suspended: true, Class: limits.Search},
	}
}

func (a *API) findPeople(r *request) (any, error) {
	q := struct {
		Search *string `json:"search_term"`
		Limit  int     `json:"limit"`
	}{Limit: 10}
	if err := r.Decode(&q); err != nil {
		return nil, err
	}
	switch {
	case q.Search == nil:
		return nil, merr.MissingParam("search_term is missing")
	case q.Limit < 0:
		return nil, merr.InvalidParam("limit is not a number from 0 on")
	}
	return a.Directory.FindPeople(r.Context(), actor(r), *q.Search, q.Limit)
}
