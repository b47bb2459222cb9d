package mailpage

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"net/http"

	"beffroi/server/httpx"
	"beffroi/server/look"
	"beffroi/server/threepid"
)

//go:embed pages messages
var embedded embed.FS

// languages are those of the pages; the first is the source.
func languages() []string { return []string{"fr", "en"} }

// A view is what a page shows.
type view struct {
	Page   string // the beginning of its messages
	Opened threepid.Opened
	Asks   bool   // for the click
	Path   string // of the pages and their files
	Here   string // of this page
	Token  string
	Lang   string
	Town   string
}

// Other is the language to change to.
func (v view) Other() string {
	if all := languages(); v.Lang == all[0] {
		return all[1]
	}
	return languages()[0]
}

// templates are the page in each language.
type templates map[string]*template.Template

func parse() (templates, error) {
	all := templates{}
	for _, lang := range languages() {
		say, err := look.Say(embedded, "messages", lang)
		if err != nil {
			return nil, fmt.Errorf("mailpage: %w", err)
		}
		if all[lang], err = template.New("layout.html").Funcs(template.FuncMap{"t": say}).ParseFS(embedded, "pages/layout.html"); err != nil {
			return nil, fmt.Errorf("mailpage: %w", err)
		}
	}
	return all, nil
}

func (t templates) render(v view, status int) (httpx.Responder, error) {
	var b bytes.Buffer
	if err := t[v.Lang].Execute(&b, v); err != nil {
		return nil, err
	}
	return responder(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		httpx.WriteWithin(w, int64(b.Len()))
		w.WriteHeader(status)
		_, _ = w.Write(b.Bytes()) // a browser that left is no error of ours
	}), nil
}
