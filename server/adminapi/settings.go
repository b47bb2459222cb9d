package adminapi

import (
	"context"

	"beffroi/server/accounts"
	"beffroi/server/journal"
	"beffroi/server/mail"
	"beffroi/server/merr"
	"beffroi/server/preview"
)

// What the town hall decides while the server runs. It stands in the database.
func (a *API) settingCalls() []Call {
	const v1 = "/_beffroi/admin/v1/settings"
	return []Call{
		call("GET", v1+"/registration", Reads, "`{flows, email_domains}`: the ways to register as lists of authentication types, none where it is closed; whose e-mail addresses may", a.registration),
		call("PUT", v1+"/registration", Acts, "the same; confirmed", a.confirmed(a.setRegistration)),
		call("GET", v1+"/mail", Reads, "`{host, port, tls, user, from, name, timeout_seconds, has_password}`", a.mailSettings),
		call("PUT", v1+"/mail", Acts, "the same with `password`; confirmed", a.confirmed(a.setMailSettings)),
		call("GET", v1+"/support", Reads, "whom people ask for help, as /.well-known/matrix/support has it", a.support),
		call("PUT", v1+"/support", Acts, "the same; without contacts and page: nobody", a.setSupport),
		call("GET", v1+"/previews", Reads, "`{enabled, refuse, allow, ports}`: whether addresses in messages are looked at for clients, and which are not", a.previews),
		call("PUT", v1+"/previews", Acts, "the same; confirmed", a.confirmed(a.setPreviews)),
		call("GET", v1+"/media", Reads, "`{quota_bytes, reserve_bytes, remote_bytes}`", a.mediaLimits),
		call("PUT", v1+"/media", Acts, "the same", a.setMediaLimits),
		call("POST", v1+"/mail/try", Acts, "`{to}`: sends a mail at once, or says in French why it does not go", a.tryMail),
	}
}

type registrationSettings struct {
	Flows   [][]string `json:"flows"`
	Domains []string   `json:"email_domains"`
}

func (a *API) registration(r *request) (any, error) {
	flows, err := a.Accounts.Registration(r.Context())
	if err != nil {
		return nil, err
	}
	domains, err := a.Admin.Threepids.Domains(r.Context())
	return registrationSettings{append([][]string{}, flows...), append([]string{}, domains...)}, err
}

func (a *API) setRegistration(r *request) (any, error) {
	var q registrationSettings
	if err := r.Decode(&q); err != nil {
		return nil, err
	}
	if q.Flows == nil || q.Domains == nil {
		return nil, merr.MissingParam("flows and email_domains are needed")
	}
	return nil, a.change(r, map[string]any{"registration": q.Flows, "email_domains": q.Domains}, func(ctx context.Context) error {
		if err := a.Admin.Threepids.SetDomains(ctx, q.Domains); err != nil {
			return err
		}
		return a.Accounts.SetRegistration(ctx, q.Flows)
	})
}

// change changes settings with a row in the journal.
func (a *API) change(r *request, what map[string]any, do func(ctx context.Context) error) error {
	return a.Journal.Do(r.Context(), journal.Entry{Actor: r.Session.UserID, Act: journal.ChangeSettings, Detail: what}, do)
}

func (a *API) mailSettings(r *request) (any, error) {
	settings, has, err := a.Admin.Mail.Settings(r.Context())
	return struct {
		mail.Settings
		HasPassword bool `json:"has_password"`
	}{settings, has}, err
}

func (a *API) setMailSettings(r *request) (any, error) {
	var q mail.Settings
	if err := r.Decode(&q); err != nil {
		return nil, err
	}
	return nil, a.change(r, map[string]any{"mail": q.Host, "from": q.From}, func(ctx context.Context) error { return a.Admin.Mail.Configure(ctx, q) })
}

func (a *API) tryMail(r *request) (any, error) {
	var q struct {
		To string `json:"to"`
	}
	if err := r.Decode(&q); err != nil {
		return nil, err
	}
	return nil, a.change(r, map[string]any{"mail": "try"}, func(ctx context.Context) error { return a.Admin.Mail.Try(ctx, q.To, "fr") })
}

func (a *API) support(r *request) (any, error) {
	support, _, err := a.Accounts.Support(r.Context())
	return support, err
}

func (a *API) setSupport(r *request) (any, error) {
	var q accounts.Support
	if err := r.Decode(&q); err != nil {
		return nil, err
	}
	return nil, a.change(r, map[string]any{"support": q}, func(ctx context.Context) error { return a.Accounts.SetSupport(ctx, q) })
}

func (a *API) previews(r *request) (any, error) { return a.Previews.Settings(r.Context()) }

func (a *API) setPreviews(r *request) (any, error) {
	var q preview.Settings
	if err := r.Decode(&q); err != nil {
		return nil, err
	}
	return nil, a.change(r, map[string]any{"previews": q}, func(ctx context.Context) error { return a.Previews.SetSettings(ctx, q) })
}

func (a *API) mediaLimits(r *request) (any, error) { return a.Admin.Media.Limits(r.Context()) }

// setMediaLimits keeps what the request doesn't name.
func (a *API) setMediaLimits(r *request) (any, error) {
	q, err := a.Admin.Media.Limits(r.Context())
	if err != nil {
		return nil, err
	}
	if err := r.Decode(&q); err != nil {
		return nil, err
	}
	return nil, a.change(r, map[string]any{"media": q}, func(ctx context.Context) error { return a.Admin.Media.SetLimits(ctx, q) })
}
