package adminapi

import (
	"encoding/json"
	"slices"
	"strings"

	"beffroi/server/accounts"
	"beffroi/server/merr"
	"beffroi/server/store"
)

// putUserRequest is what an account shall be. What is missing stays as it is.
type putUserRequest struct {
	Password    *string         `json:"password"`
	DisplayName *string         `json:"displayname"`
	AvatarURL   *string         `json:"avatar_url"`
	ThreePIDs   []threePID      `json:"threepids"`
	ExternalIDs json.RawMessage `json:"external_ids"`
	UserType    *string         `json:"user_type"`
	Admin       *bool           `json:"admin"`
	Deactivated *bool           `json:"deactivated"`
	Locked      *bool           `json:"locked"`
	Suspended   *bool           `json:"suspended"`
}

// possible refuses what this server can't do, before anything is done. known are the addresses that the account has.
func (q *putUserRequest) possible(known []string) error {
	switch external := strings.TrimSpace(string(q.ExternalIDs)); {
	case external != "" && external != "[]" && external != "null":
		return merr.InvalidParam("external_ids: this server has no single sign-on")
	case q.UserType != nil && *q.UserType != "":
		return merr.InvalidParam("user_type: this server knows one kind of accounts")
	case slices.ContainsFunc(q.ThreePIDs, func(t threePID) bool { return !slices.Contains(known, t.Address) }):
		return merr.InvalidParam("threepids: people add their own addresses, which are proven by a mail to them")
	}
	return nil
}

// sensitive tells whether the request makes an administrator, or a link for one.
func (q *putUserRequest) sensitive(admin bool) bool {
	return !admin && q.Admin != nil && *q.Admin || admin && q.Password != nil && *q.Password != ""
}

func (a *API) putUser(r *request) (any, error) {
	var q putUserRequest
	if err := r.Decode(&q); err != nil {
		return nil, err
	}
	userID := r.PathValue("userId")
	localpart, server, ok := strings.Cut(strings.TrimPrefix(userID, "@"), ":")
	if !ok || !strings.HasPrefix(userID, "@") || server != a.ServerName {
		return nil, merr.InvalidParam("%q is no user id of this server", userID)
	}
	before, err := a.Admin.Account(r.Context(), userID)
	isNew := merr.Is(err, "M_NOT_FOUND")
	if err != nil && !isNew {
		return nil, err
	}
	known, err := a.addresses(r, before)
	if err != nil {
		return nil, err
	}
	if err := q.possible(known); err != nil {
		return nil, err
	}
	if err := a.sure(r, q.sensitive(before.Admin)); err != nil {
		return nil, err
	}
	if isNew {
		return a.createUser(r, localpart, q)
	}
	link, err := a.changeUser(r, before, q)
	if err != nil {
		return nil, err
	}
	answer, err := a.detail(r, userID)
	answer.Link = link
	return answer, err
}

func (a *API) addresses(r *request, of store.AccountInfo) (known []string, err error) {
	all, err := a.Admin.Threepids.List(r.Context(), of.User)
	for _, t := range all {
		known = append(known, t.Address)
	}
	return known, err
}

// createUser makes an account. With or without a password in the request, its owner chooses one by a link.
func (a *API) createUser(r *request, localpart string, q putUserRequest) (any, error) {
	account := accounts.NewAccount{Localpart: localpart, Admin: q.Admin != nil && *q.Admin}
	if q.DisplayName != nil {
		account.DisplayName = *q.DisplayName
	}
	userID, link, err := a.Admin.CreateUser(r.Context(), actor(r), account)
	if err != nil {
		return nil, err
	}
	a.Admin.TellLink(r.Context(), actor(r), userID, link)
	q.Password, q.Admin, q.DisplayName = nil, nil, nil
	before, err := a.Admin.Account(r.Context(), userID)
	if err != nil {
		return nil, err
	}
	if _, err := a.changeUser(r, before, q); err != nil {
		return nil, err
	}
	answer, err := a.detail(r, userID)
	if err != nil {
		return nil, err
	}
	answer.Link = refTo(link)
	return statusCreated(answer), nil
}

// changeUser changes what differs from what is. The link comes where a password was sent.
func (a *API) changeUser(r *request, before store.AccountInfo, q putUserRequest) (link *passwordLinkRef, err error) {
	if before.State.Is(store.AccountDeactivated) {
		if q.Deactivated != nil && *q.Deactivated {
			return nil, nil
		}
		return nil, merr.Forbidden("A closed account stays closed; its user id is never given again")
	}
	for field, text := range map[string]*string{accounts.FieldDisplayName: changed(q.DisplayName, before.DisplayName), accounts.FieldAvatarURL: changed(q.AvatarURL, before.AvatarURL)} {
		if text == nil {
			continue
		}
		if err := a.Admin.SetProfile(r.Context(), actor(r), before.UserID, field, *text); err != nil {
			return nil, err
		}
	}
	if q.Admin != nil {
		if err := a.Admin.SetAdmin(r.Context(), actor(r), before.UserID, *q.Admin); err != nil {
			return nil, err
		}
	}
	if err := a.states(r, before.UserID, q.Locked, q.Suspended); err != nil {
		return nil, err
	}
	if q.Deactivated != nil && *q.Deactivated {
		return nil, a.Admin.Deactivate(r.Context(), actor(r), before.UserID, false)
	}
	if q.Password != nil && *q.Password != "" {
		return a.link(r, before.UserID)
	}
	return nil, nil
}

// changed is what was sent, nil where it is what stands there.
func changed(sent *string, now string) *string {
	if sent == nil || *sent == now {
		return nil
	}
	return sent
}
