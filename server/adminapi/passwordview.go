package adminapi

import (
	"bytes"
	"embed"
	"html/template"
	"net/http"

	"beffroi/server/httpx"
	"beffroi/server/look"
	"beffroi/server/passwordrule"
	"beffroi/server/threepid"
)

//go:embed page messages
var embedded embed.FS

// languages are those of the page; the first is the source.
func languages() []string { return []string{"fr", "en"} }

// passwordView is what the page shows.
type passwordView struct {
	Page     string // the beginning of its messages: choose, done or gone
	Lang     string
	UserID   string
	Problems []passwordrule.Problem

	template *template.Template
	status   int
}

// Look is where the page's style is, which it shares with those that mails lead to.
func (passwordView) Look() string { return threepid.Path }

// Other is the language to change to.
func (v passwordView) Other() string {
	if all := languages(); v.Lang == all[0] {
		return all[1]
	}
	return languages()[0]
}

// passwordPages are the page in each language. They are part of the program: it does not go without them.
func passwordPages() map[string]*template.Template {
	all := map[string]*template.Template{}
	for _, lang := range languages() {
		say, err := look.Say(embedded, "messages", lang)
		if err != nil {
			panic(err)
		}
		all[lang] = template.Must(template.New("password.html").Funcs(template.FuncMap{"t": say}).ParseFS(embedded, "page/password.html"))
	}
	return all
}

// Respond implements httpx.Responder.
func (v passwordView) Respond(w http.ResponseWriter, _ *http.Request) {
	var b bytes.Buffer
	if err := v.template.Execute(&b, v); err != nil {
		panic(err) // the template is part of the program
	}
	look.Protect(w.Header())
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	httpx.WriteWithin(w, int64(b.Len()))
	w.WriteHeader(v.status)
	_, _ = w.Write(b.Bytes()) // a browser that left is no error of ours
}
