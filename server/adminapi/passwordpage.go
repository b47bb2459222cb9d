package adminapi

import (
	"bytes"
	"embed"
	"html/template"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"beffroi/server/admin"
	"beffroi/server/httpx"
	"beffroi/server/limits"
	"beffroi/server/look"
	"beffroi/server/merr"
	"beffroi/server/passwordrule"
	"beffroi/server/threepid"
)

//go:embed page
var pageFiles embed.FS

// The page at which somebody chooses a password by a one-time link. Opening it uses nothing up: mail filters open links too.
func (a *API) passwordPageCalls() []Call {
	path := admin.LinkPath + "{token}"
	return []Call{
		call("GET", path, Open, "the page at which the holder of a one-time link chooses a password", a.passwordPage),
		call("POST", path, Open, "what is sent from it", a.choosePassword).as(limits.Register),
	}
}

// Look is where the page's style is, which it shares with those that mails lead to.
func (passwordView) Look() string { return threepid.Path }

// passwordView is what the page shows.
type passwordView struct {
	T        *pageTexts
	Title    string
	Form     bool
	UserID   string
	Problems []string
	Text     string // in place of the form

	status int
}

// Respond implements httpx.Responder.
func (v passwordView) Respond(w http.ResponseWriter, _ *http.Request) {
	page, err := template.ParseFS(pageFiles, "page/password.html")
	var b bytes.Buffer
	if err == nil {
		err = page.Execute(&b, v)
	}
	if err != nil {
		panic(err) // the template is part of the program
	}
	look.Protect(w.Header())
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	httpx.WriteWithin(w, int64(b.Len()))
	w.WriteHeader(v.status)
	_, _ = w.Write(b.Bytes()) // a browser that left is no error of ours
}

func (a *API) passwordPage(r *request) (any, error) {
	return a.passwordView(r, texts(r.URL.Query().Get("langue"), r.Header.Get("Accept-Language")))
}

// passwordView is the form, or says that the link is none any more.
func (a *API) passwordView(r *request, t *pageTexts) (passwordView, error) {
	userID, err := a.Admin.LinkUser(r.Context(), r.PathValue("token"))
	if merr.Is(err, "M_NOT_FOUND") {
		return passwordView{T: t, Title: t.Dead, Text: t.DeadText, status: http.StatusNotFound}, nil
	}
	return passwordView{T: t, Title: t.Title, Form: true, UserID: userID, status: http.StatusOK}, err
}

func (a *API) choosePassword(r *request) (any, error) {
	body, err := r.ReadBody()
	if err != nil {
		return nil, err
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, merr.InvalidParam("The form can't be read").Because(err)
	}
	t := texts(form.Get("langue"), r.Header.Get("Accept-Language"))
	view, err := a.passwordView(r, t)
	if err != nil || !view.Form {
		return view, err
	}
	password := form.Get("mot_de_passe")
	if view.Problems = t.problems(password, form.Get("encore")); len(view.Problems) > 0 {
		view.status = http.StatusUnprocessableEntity
		return view, nil
	}
	if err := a.Admin.ChoosePassword(r.Context(), r.PathValue("token"), password); err != nil && !merr.Is(err, "M_NOT_FOUND") {
		return nil, err
	} else if err != nil { // somebody was faster
		return a.passwordView(r, t)
	}
	return passwordView{T: t, Title: t.Done, Text: t.DoneText + " " + view.UserID, status: http.StatusOK}, nil
}

// problems says what is wrong with a password that was typed twice.
func (t *pageTexts) problems(password, again string) (words []string) {
	for _, p := range passwordrule.Problems(password) {
		words = append(words, strings.ReplaceAll(t.Rule[p.Key], "{}", strconv.Itoa(p.Length)))
	}
	if len(words) == 0 && password != again {
		words = append(words, t.Rule["password_differs"])
	}
	return words
}
