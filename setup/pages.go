package setup

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/BurntSushi/toml"
	"github.com/nicksnyder/go-i18n/v2/i18n"
	"golang.org/x/text/language"

	"beffroi/server/look"
)

//go:embed pages messages
var embedded embed.FS

// A view is what a page shows.
type view struct {
	Page      string // its template, and the beginning of its messages
	Lang      string
	Others    []string // languages to change to
	Here      string   // the path that a change of language leads back to
	Step      int      // from 1; 0: not one of the steps
	Steps     int
	FormToken string
	Fields    []field
	Back      bool
	Exposed   bool // what is typed travels readable
	TakenOver bool // another screen has the session
	NewSheet  bool // the key that was asked for is no more
	Kept      bool // a password was chosen before
	Sheet     *sheet
	Date      time.Time
	Answers   state
	UserID    string
	Status    int // of an error
}

// HasProblems tells whether a field is marked.
func (v *view) HasProblems() bool {
	for _, f := range v.Fields {
		if len(f.Problems) > 0 {
			return true
		}
	}
	return false
}

func (z *Wizard) stepPage(r request, i int, problems map[string][]problem, typed map[string][]string) *view {
	v := &view{Page: z.steps[i].path, Step: i + 1, Steps: len(z.steps), FormToken: formToken(r.cookie), Back: i > 0,
		Fields: mark(z.steps[i].fields(z), problems, typed), Exposed: exposed(r.Request, z.PublicURL), Kept: z.state.Password != "",
		Sheet: z.sheet, Date: z.Now(), Answers: z.state, UserID: z.state.userID()}
	return v
}

func (z *Wizard) donePage(r request) *view {
	return &view{Page: "fin", Answers: z.state, UserID: z.state.userID(), Exposed: exposed(r.Request, z.PublicURL)}
}

func errorPage(status int) *view { return &view{Page: "erreur", Status: status} }

// languages are those of the pages; the first is the source and what a browser gets that chose none.
func languages() []string { return []string{"fr", "en"} }

// pages are the templates of one language, by name.
type pages map[string]*template.Template

func parsePages() (map[string]pages, error) {
	bundle := i18n.NewBundle(language.French)
	bundle.RegisterUnmarshalFunc("toml", toml.Unmarshal)
	all := map[string]pages{}
	for _, lang := range languages() {
		if _, err := bundle.LoadMessageFileFS(embedded, "messages/"+lang+".toml"); err != nil {
			return nil, fmt.Errorf("setup: %w", err)
		}
		var err error
		if all[lang], err = parseLanguage(i18n.NewLocalizer(bundle, lang)); err != nil {
			return nil, fmt.Errorf("setup: %w", err)
		}
	}
	return all, nil
}

func parseLanguage(messages *i18n.Localizer) (pages, error) {
	layout, err := template.New("layout.html").Funcs(functions(messages)).ParseFS(embedded, "pages/layout.html")
	if err != nil {
		return nil, err
	}
	names, err := fs.Glob(embedded, "pages/*.html")
	if err != nil {
		return nil, err
	}
	parsed := pages{}
	for _, name := range names {
		page, err := layout.Clone()
		if err == nil {
			_, err = page.ParseFS(embedded, name)
		}
		if err != nil {
			return nil, err
		}
		parsed[strings.TrimSuffix(path.Base(name), ".html")] = page
	}
	return parsed, nil
}

// functions are what templates call: t gives a message of the language, has tells whether there is one. No message is ever missing in one
// language only: a test compares them.
func functions(messages *i18n.Localizer) template.FuncMap {
	t := func(key string, data ...any) (string, error) {
		c := &i18n.LocalizeConfig{MessageID: key}
		if len(data) > 0 {
			c.TemplateData = data[0]
		}
		return messages.Localize(c)
	}
	return template.FuncMap{
		"t":    t,
		"has":  func(key string) bool { _, err := t(key); return err == nil },
		"date": func(at time.Time) (string, error) { return longDate(t, at) },
	}
}

// longDate is "lundi 23 novembre 2026".
func longDate(t func(string, ...any) (string, error), at time.Time) (string, error) {
	days, err := t("days")
	if err != nil {
		return "", err
	}
	months, err := t("months")
	if err != nil {
		return "", err
	}
	day := strconv.Itoa(at.Day())
	if at.Day() == 1 {
		if day, err = t("first_of_month"); err != nil {
			return "", err
		}
	}
	return t("date", map[string]any{"Weekday": strings.Fields(days)[at.Weekday()], "Day": day,
		"Month": strings.Fields(months)[at.Month()-1], "Year": at.Year()})
}

func isFile(name string) bool { return name == look.Style || name == look.Tower }

// send writes an answer; a page that can't be made is an error of ours.
func (z *Wizard) send(w http.ResponseWriter, r request, a answer) {
	if a.cookie != nil {
		http.SetCookie(w, a.cookie)
	}
	if a.retry > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(seconds(a.retry)))
	}
	if a.refresh {
		w.Header().Set("Refresh", "0; url="+Root)
	}
	switch {
	case a.to != "":
		http.Redirect(w, r.Request, a.to, a.status)
	case a.file != "":
		look.Serve(w, r.Request, a.file)
	case a.page != nil:
		z.sendPage(w, r, a)
	default:
		http.NotFound(w, r.Request)
	}
}

func (z *Wizard) sendPage(w http.ResponseWriter, r request, a answer) {
	v := a.page
	v.Lang, v.Here = r.lang, r.URL.Path
	for _, lang := range languages() {
		if lang != v.Lang {
			v.Others = append(v.Others, lang)
		}
	}
	if len(v.Fields) == 1 {
		v.Fields[0].Alone = true
	}
	var b bytes.Buffer
	if err := z.pages[v.Lang][v.Page].Execute(&b, v); err != nil {
		z.Log.Error().Err(err).Str("page", v.Page).Msg("setup: page")
		http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
		return
	}
	if a.status == http.StatusMethodNotAllowed {
		w.Header().Set("Allow", "GET, HEAD, POST")
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(a.status)
	_, _ = w.Write(b.Bytes()) // a browser that left is no error of ours
}

// Bars are the steps as the page draws them.
func (v *view) Bars() []string {
	bars := make([]string, v.Steps)
	for i := range bars {
		switch {
		case i+1 < v.Step:
			bars[i] = "past"
		case i+1 == v.Step:
			bars[i] = "now"
		}
	}
	return bars
}
