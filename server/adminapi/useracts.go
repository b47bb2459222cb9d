package adminapi

import (
	"beffroi/server/admin"
	"beffroi/server/merr"
	"beffroi/server/store"
)

func (a *API) deactivate(r *request) (any, error) {
	var q struct {
		Erase bool `json:"erase"`
	}
	if err := r.DecodeOptional(&q); err != nil {
		return nil, err
	}
	if err := a.Admin.Deactivate(r.Context(), actor(r), r.PathValue("userId"), q.Erase); err != nil {
		return nil, err
	}
	return map[string]string{"id_server_unbind_result": "success"}, nil
}

func (a *API) resetPassword(r *request) (any, error) {
	if err := r.Decode(&struct{}{}); err != nil {
		return nil, err
	}
	link, err := a.link(r, r.PathValue("userId"))
	if err != nil {
		return nil, err
	}
	return map[string]any{"fr.beffroi.password_link": link}, nil
}

// link makes a one-time link, and gives it to the administrator as a notice too.
func (a *API) link(r *request, userID string) (*passwordLinkRef, error) {
	link, err := a.newLink(r, userID)
	if err != nil {
		return nil, err
	}
	a.Admin.TellLink(r.Context(), actor(r), userID, link)
	return refTo(link), nil
}

func (a *API) newLink(r *request, userID string) (link admin.Link, err error) {
	of, err := a.Admin.Account(r.Context(), userID)
	if err != nil {
		return link, err
	}
	if err := a.sure(r, of.Admin); err != nil {
		return link, err
	}
	return a.Admin.PasswordLink(r.Context(), actor(r), userID)
}

func (a *API) suspend(r *request) (any, error) {
	var q struct {
		Suspend *bool `json:"suspend"`
	}
	if err := r.Decode(&q); err != nil {
		return nil, err
	}
	if q.Suspend == nil {
		return nil, merr.MissingParam("suspend is missing")
	}
	userID := r.PathValue("userId")
	key := "user_" + userID + "_suspended"
	return map[string]bool{key: *q.Suspend}, a.Admin.SetState(r.Context(), actor(r), userID, store.AccountSuspended, *q.Suspend)
}

func (a *API) setAdmin(r *request) (any, error) {
	var q struct {
		Admin *bool `json:"admin"`
	}
	if err := r.Decode(&q); err != nil {
		return nil, err
	}
	if q.Admin == nil {
		return nil, merr.MissingParam("admin is missing")
	}
	if err := a.sure(r, *q.Admin); err != nil {
		return nil, err
	}
	return nil, a.Admin.SetAdmin(r.Context(), actor(r), r.PathValue("userId"), *q.Admin)
}
