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

// Leave is the page that ends digests. The token is its query parameter "jeton".
const Leave = threepid.Path + "/resume"

// Digests are ended by a link in each of them.
type Digests interface {
	// Unsubscribe ends the digests of a token, and tells whether there were any.
	Unsubscribe(ctx context.Context, token string) (found bool, err error)
}

// Pages serves the pages.
type Pages struct {
	db         *store.DB
	threepids  *threepid.Service
	digests    Digests
	serverName string // stands where the commune's name is not known
	templates  templates
}

// New reads the templates.
func New(db *store.DB, threepids *threepid.Service, digests Digests, serverName string) (*Pages, error) {
	t, err := parse()
	return &Pages{db: db, threepids: threepids, digests: digests, serverName: serverName, templates: t}, err
}

// Routes is the table of the pages.
func (p *Pages) Routes() []route {
	return []route{
		{Method: "GET", Path: threepid.Path, Handle: p.show, Auth: httpx.None},
		{Method: "POST", Path: threepid.Path, Handle: p.confirm, Auth: httpx.None, Limit: maxForm},
		{Method: "GET", Path: Leave, Handle: p.askToLeave, Auth: httpx.None},
		{Method: "POST", Path: Leave, Handle: p.leave, Auth: httpx.None, Limit: maxForm},
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
	form, err := readForm(r)
	if err != nil {
		return nil, err
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
	v := view{Page: string(opened.Purpose), Opened: opened, Asks: true, Here: threepid.Path}
	switch {
	case !ok:
		v.Page, v.Asks = gone, false
	case opened.Proven:
		v.Page, v.Asks = v.Page+"_done", false
	}
	return p.draw(ctx, header, query, v)
}

func (p *Pages) askToLeave(r *request) (any, error) {
	return p.draw(r.Context(), r.Header, r.URL.Query(), view{Page: "leave", Asks: true, Here: Leave})
}

// leave ends digests. Mail programs have a button for it, which sends a form without our field. Source: RFC 8058, 3.2.
func (p *Pages) leave(r *request) (any, error) {
	form, err := readForm(r)
	if err != nil {
		return nil, err
	}
	if !form.Has("jeton") {
		form.Set("jeton", r.URL.Query().Get("jeton"))
	}
	found, err := p.digests.Unsubscribe(r.Context(), form.Get("jeton"))
	if err != nil {
		return nil, err
	}
	v := view{Page: "leave_done", Here: Leave}
	if !found {
		v.Page = gone
	}
	return p.draw(r.Context(), r.Header, form, v)
}

func readForm(r *request) (url.Values, error) {
	body, err := r.ReadBody()
	if err != nil {
		return nil, err
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, merr.InvalidParam("This is no form")
	}
	return form, nil
}

// gone is the page of a link that is no longer good.
const gone = "gone"

// draw completes a page and draws it.
func (p *Pages) draw(ctx context.Context, header http.Header, query url.Values, v view) (any, error) {
	v.Path, v.Token, v.Lang = threepid.Path, query.Get("jeton"), query.Get("langue")
	for _, lang := range []string{v.Opened.Language, mail.Language(header.Get("Accept-Language"))} {
		if p.templates[v.Lang] == nil {
			v.Lang = lang
		}
	}
	status := http.StatusOK
	if v.Page == gone {
		status = http.StatusNotFound
	}
	town, err := store.Get(ctx, p.db, func(r *store.Reader) (string, error) { return r.MetaText(store.MetaCommuneName) })
	if err != nil {
		return nil, err
	}
	if v.Town = town; town == "" {
		v.Town = p.serverName
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
