// Package mailpage is the page that the links in mails lead to. It asks for a click before anything happens, since programs that look into mails open links,
// and works without JavaScript.
package mailpage

import (
	"context"
	"net/http"
	"net/url"

	"beffroi/server/accounts"
	"beffroi/server/httpx"
	"beffroi/server/look"
	"beffroi/server/mail"
	"beffroi/server/merr"
	"beffroi/server/store"
	"beffroi/server/threepid"
)

// maxForm is far above what the form here holds.
const maxForm = 4 << 10

type (
	request = httpx.Request[*accounts.Session]
	route   = httpx.Route[*accounts.Session]
)

// Pages serves the pages.
type Pages struct {
	db         *store.DB
	threepids  *threepid.Service
	serverName string // stands where the commune's name is not known
	templates  templates
}

// New reads the templates.
func New(db *store.DB, threepids *threepid.Service, serverName string) (*Pages, error) {
	t, err := parse()
	return &Pages{db: db, threepids: threepids, serverName: serverName, templates: t}, err
}

// Routes is the table of the pages.
func (p *Pages) Routes() []route {
	return []route{
		{Method: "GET", Path: threepid.Path, Handle: p.show, Auth: httpx.None},
		{Method: "POST", Path: threepid.Path, Handle: p.confirm, Auth: httpx.None, Limit: maxForm},
		{Method: "GET", Path: threepid.Path + "/" + look.Style, Handle: file(look.Style), Auth: httpx.None},
		{Method: "GET", Path: threepid.Path + "/" + look.Tower, Handle: file(look.Tower), Auth: httpx.None},
	}
}

// show asks whether the link's session is to be confirmed, or says that it was.
func (p *Pages) show(r *request) (any, error) {
	query := r.URL.Query()
	opened, ok, err := p.threepids.Look(r.Context(), query.Get("jeton"))
	if err != nil {
		return nil, err
	}
	return p.page(r.Context(), r.Header, query, opened, ok)
}

// confirm does it, and leads to the page that says so, or to the one where the client wants the browser to be.
func (p *Pages) confirm(r *request) (any, error) {
	body, err := r.ReadBody()
	if err != nil {
		return nil, err
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, merr.InvalidParam("This is no form")
	}
	opened, ok, err := p.threepids.Confirm(r.Context(), form.Get("jeton"))
	switch {
	case err != nil:
		return nil, err
	case !ok:
		return p.page(r.Context(), r.Header, form, opened, false)
	case opened.NextLink != "":
		return redirect(opened.NextLink), nil
	}
	return redirect(threepid.Path + "?" + url.Values{"jeton": {form.Get("jeton")}, "langue": {form.Get("langue")}}.Encode()), nil
}

// page is the answer about a session that a link opened, or none.
func (p *Pages) page(ctx context.Context, header http.Header, query url.Values, opened threepid.Opened, ok bool) (any, error) {
	v := view{Page: string(opened.Purpose), Opened: opened, Asks: true, Path: threepid.Path, Token: query.Get("jeton"), Lang: query.Get("langue")}
	status := http.StatusOK
	switch {
	case !ok:
		v.Page, v.Asks, status = "gone", false, http.StatusNotFound
	case opened.Proven:
		v.Page, v.Asks = v.Page+"_done", false
	}
	if p.templates[v.Lang] == nil {
		v.Lang = opened.Language
	}
	if p.templates[v.Lang] == nil {
		v.Lang = mail.Language(header.Get("Accept-Language"))
	}
	town, err := store.Get(ctx, p.db, func(r *store.Reader) (string, error) { return r.MetaText(store.MetaCommuneName) })
	if v.Town = town; town == "" {
		v.Town = p.serverName
	}
	if err != nil {
		return nil, err
	}
	return p.templates.render(v, status)
}

// file answers with a file of the look.
func file(name string) httpx.Handler[*accounts.Session] {
	return func(*request) (any, error) {
		return responder(func(w http.ResponseWriter, r *http.Request) { look.Serve(w, r, name) }), nil
	}
}

func redirect(to string) responder {
	return func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, to, http.StatusSeeOther) }
}

// responder is an answer that browsers get.
type responder func(w http.ResponseWriter, r *http.Request)

// Respond writes it.
func (f responder) Respond(w http.ResponseWriter, r *http.Request) {
	look.Protect(w.Header())
	f(w, r)
}
