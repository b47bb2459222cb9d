package adminapi

import (
	"net/http"
	"net/url"

	"beffroi/server/admin"
	"beffroi/server/limits"
	"beffroi/server/mail"
	"beffroi/server/merr"
	"beffroi/server/passwordrule"
)

// The page at which somebody chooses a password by a one-time link. Opening it uses nothing up: mail filters open links too.
func (a *API) passwordPageCalls() []Call {
	path := admin.LinkPath + "{token}"
	return []Call{
		call("GET", path, Open, "the page at which the holder of a one-time link chooses a password", a.passwordPage),
		call("POST", path, Open, "what is sent from it", a.choosePassword).as(limits.Register),
	}
}

func (a *API) passwordPage(r *request) (any, error) {
	return a.passwordView(r, r.URL.Query().Get("langue"))
}

// passwordView is the form, or says that the link is none any more.
func (a *API) passwordView(r *request, lang string) (passwordView, error) {
	if a.pages[lang] == nil {
		lang = mail.Language(r.Header.Get("Accept-Language"))
	}
	userID, err := a.Admin.LinkUser(r.Context(), r.PathValue("token"))
	v := passwordView{template: a.pages[lang], Lang: lang, Page: "choose", UserID: userID, status: http.StatusOK}
	if merr.Is(err, "M_NOT_FOUND") {
		v.Page, v.status, err = "gone", http.StatusNotFound, nil
	}
	return v, err
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
	view, err := a.passwordView(r, form.Get("langue"))
	if err != nil || view.Page != "choose" {
		return view, err
	}
	password := form.Get("mot_de_passe")
	if view.Problems = problems(password, form.Get("encore")); len(view.Problems) > 0 {
		view.status = http.StatusUnprocessableEntity
		return view, nil
	}
	if err := a.Admin.ChoosePassword(r.Context(), r.PathValue("token"), password); err != nil && !merr.Is(err, "M_NOT_FOUND") {
		return nil, err
	} else if err != nil { // somebody was faster
		return a.passwordView(r, view.Lang)
	}
	view.Page = "done"
	return view, nil
}

// problems is what is wrong with a password that was typed twice.
func problems(password, again string) []passwordrule.Problem {
	found := passwordrule.Problems(password)
	if len(found) == 0 && password != again {
		found = append(found, passwordrule.Problem{Key: "password_differs"})
	}
	return found
}
