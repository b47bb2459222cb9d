package setup

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// A request is what the wizard looks at; the body was read, so that nobody holds the lock while it comes.
type request struct {
	*http.Request
	path   string // below Root, without slashes at its ends
	form   url.Values
	cookie string
	secure bool // the browser uses https
	lang   string
}

// An answer is a page, a redirect or a file.
type answer struct {
	status  int
	to      string // where a redirect leads
	cookie  *http.Cookie
	retry   time.Duration
	refresh bool // the browser opens the first page by itself
	file    string
	page    *view
}

// read takes a request in; the answer is one that ends it.
func (z *Wizard) read(w http.ResponseWriter, r *http.Request) (request, *answer) {
	req := request{Request: r, path: strings.Trim(strings.TrimPrefix(r.URL.Path, Root), "/"), lang: languages()[0]}
	req.secure = r.TLS != nil || behindProxy(r, z.PublicURL)
	if c, err := r.Cookie(cookieName(req.secure)); err == nil {
		req.cookie = c.Value
	}
	if c, err := r.Cookie(langCookie); err == nil && z.pages[c.Value] != nil {
		req.lang = c.Value
	}
	if r.Method != http.MethodPost {
		return req, nil
	}
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(slowestForm)) // net/http takes it back with the next request
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	if err := r.ParseForm(); err != nil {
		status := http.StatusBadRequest
		var tooLarge *http.MaxBytesError
		if errors.As(err, &tooLarge) {
			status = http.StatusRequestEntityTooLarge
		}
		return req, &answer{status: status, page: errorPage(status)}
	}
	req.form = r.PostForm
	return req, nil
}

// answer decides under the lock: the wizard is one conversation.
func (z *Wizard) answer(r request) answer {
	z.mu.Lock()
	defer z.mu.Unlock()
	switch {
	case !z.finished.IsZero():
		return z.afterwards(r)
	case r.Method != http.MethodGet && r.Method != http.MethodHead && r.Method != http.MethodPost:
		return answer{status: http.StatusMethodNotAllowed, page: errorPage(http.StatusMethodNotAllowed)}
	case !ours(r.URL.Path):
		return outside(r)
	case isFile(r.path):
		return answer{status: http.StatusOK, file: r.path}
	case z.pages[r.URL.Query().Get("langue")] != nil:
		return chooseLanguage(r)
	case r.path == "":
		return z.door(r)
	}
	i := stepOf(z.steps, r.path)
	switch {
	case i < 0:
		return answer{status: http.StatusNotFound, page: errorPage(http.StatusNotFound)}
	case !z.state.holds(r.cookie, z.Now()):
		return redirect(Root)
	case i > z.current():
		return redirect(z.currentPath())
	case r.Method == http.MethodPost:
		return z.submit(r, i)
	}
	return z.show(r, i)
}

// outside is what is asked for beside the wizard while there is no server: a browser at the front door is shown the way.
func outside(r request) answer {
	if r.URL.Path == "/" && r.Method != http.MethodPost {
		return redirect(Root)
	}
	return answer{status: http.StatusNotFound, page: errorPage(http.StatusNotFound)}
}

func redirect(to string) answer { return answer{status: http.StatusSeeOther, to: to} }

func (z *Wizard) currentPath() string { return Root + "/" + z.steps[z.current()].path }

func chooseLanguage(r request) answer {
	a := redirect(r.URL.Path)
	a.cookie = cookieOf(langCookie, r.URL.Query().Get("langue"), r.secure)
	return a
}

// afterwards lets the browser that finished see its last page for a while, and answer a second press of the last button. All else is gone.
func (z *Wizard) afterwards(r request) answer {
	now := z.Now()
	switch {
	case !z.state.holds(r.cookie, now) || now.Sub(z.finished) > farewell:
	case isFile(r.path):
		return answer{status: http.StatusOK, file: r.path}
	case r.path == "fin" && r.Method == http.MethodGet:
		if z.pages[r.URL.Query().Get("langue")] != nil {
			return chooseLanguage(r)
		}
		return answer{status: http.StatusOK, page: z.donePage(r)}
	case r.path == z.steps[len(z.steps)-1].path && r.Method == http.MethodPost:
		return redirect(Root + "/fin")
	}
	return answer{status: http.StatusNotFound}
}
