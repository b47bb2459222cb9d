// Package adminapi is what administrators call: the calls of Synapse's admin API that the ecosystem's tools make (/_synapse/admin), and those of our own page
// of administration (/_beffroi/admin/v1). One file per chapter, each with its calls on top.
//
// Each call has a class. calls.md lists them all, with what each shows or does; a test holds it against this table. No call shows what people wrote to each
// other, and none lets anybody act as somebody else: those of Synapse's that would are refused with a sentence.
package adminapi

import (
	"html/template"
	"slices"
	"strconv"

	"beffroi/server/accounts"
	"beffroi/server/admin"
	"beffroi/server/directory"
	"beffroi/server/federation/outbox"
	"beffroi/server/httpx"
	"beffroi/server/journal"
	"beffroi/server/keys"
	"beffroi/server/limits"
	"beffroi/server/merr"
	"beffroi/server/policy"
	"beffroi/server/preview"
	"beffroi/server/rooms"
	"beffroi/server/store"
)

type (
	request = httpx.Request[*accounts.Session]
	route   = httpx.Route[*accounts.Session]
	handler = func(r *request) (any, error)
)

// API serves administration from the services it is made of.
type API struct {
	DB         *store.DB
	ServerName string
	Version    string // of this program
	Admin      *admin.Service
	Accounts   *accounts.Service
	Directory  *directory.Service
	Journal    *journal.Service
	Previews   *preview.Service
	Policy     *policy.Service
	Keys       *keys.Own
	Partners   Partners
	Outbox     *outbox.Service // nil: this server speaks with no other

	elevated *elevations
	pages    map[string]*template.Template // to choose a password at, by language
}

// New makes the API.
func New(a API) *API {
	a.elevated, a.pages = newElevations(), passwordPages()
	return &a
}

// Class says what a call can do.
type Class string

// The classes of calls.
const (
	Open    Class = "open"    // for everybody: it looks itself at who asks
	Reads   Class = "reads"   // shows accounts, settings, names, counts: nothing that people wrote to each other
	Acts    Class = "acts"    // changes something, and stands in the journal
	Refused Class = "refused" // would show what is private, or act as somebody else: 403 with a sentence, and the try stands in the journal
	Empty   Class = "empty"   // tools ask for it; this server has nothing of the kind, and says so in the shape that they expect
)

// A Call is a row of the table of calls.
type Call struct {
	Method, Path string
	Class        Class
	Note         string // what it shows or does, and how it differs from Synapse's
	handle       handler
	limit        limits.Class // General where nothing is said
	bytes        int64        // of the body; 0: what is usual
}

func call(method, path string, class Class, note string, handle handler) Call {
	return Call{Method: method, Path: path, Class: class, Note: note, handle: handle}
}

// as gives a call a limit of its own.
func (c Call) as(limit limits.Class) Call {
	c.limit = limit
	return c
}

// upTo lets a call's body be longer, or shorter, than is usual.
func (c Call) upTo(bytes int64) Call {
	c.bytes = bytes
	return c
}

// Calls is the table of all calls.
func (a *API) Calls() []Call {
	return slices.Concat(
		a.registerCalls(),
		a.userCalls(),
		a.deviceCalls(),
		a.roomCalls(),
		a.mediaCalls(),
		a.reportCalls(),
		a.noticeCalls(),
		a.tokenCalls(),
		a.redactCalls(),
		a.serverCalls(),
		a.destinationCalls(),
		refusedCalls(),
		a.ownCalls(),
		a.partnerCalls(), a.settingCalls(),
		a.policyCalls(),
		a.keyCalls(),
		a.passwordPageCalls(),
	)
}

// Routes are the calls as the adapter takes them: only administrators get to those that are not open.
func (a *API) Routes() []route {
	var routes []route
	for _, c := range a.Calls() {
		r := route{Method: c.Method, Path: c.Path, Handle: c.handle, Class: c.limit, Limit: c.bytes}
		switch c.Class {
		case Open:
			r.Auth = httpx.None
		case Refused:
			r.Handle = administrators(a.refuse(c))
		default:
			r.Handle = administrators(c.handle)
		}
		routes = append(routes, r)
	}
	return routes
}

// administrators lets administrators pass: 403 M_FORBIDDEN for everybody else, before anything of the request is looked at. Who is suspended does not even look.
func administrators(h handler) handler {
	return func(r *request) (any, error) {
		if !r.Session.Admin {
			return nil, merr.Forbidden("You are not a server admin")
		}
		if err := r.Session.Writable(); err != nil {
			return nil, err
		}
		return h(r)
	}
}

// actor is who asks.
func actor(r *request) rooms.User {
	return rooms.User{Atom: r.Session.User, ID: r.Session.UserID, Device: r.Session.Device}
}

// page reads where a list begins and how long it is at most.
func page(r *request) (from, limit int, err error) {
	if from, err = number(r, "from", 0); err != nil {
		return 0, 0, err
	}
	limit, err = number(r, "limit", 100)
	return from, min(limit, maxPage), err
}

// maxPage is how many entries a list has at most.
const maxPage = 1000

// number reads a parameter that is a natural number: 400 M_INVALID_PARAM otherwise.
func number(r *request, name string, otherwise int) (int, error) {
	text := r.URL.Query().Get(name)
	if text == "" {
		return otherwise, nil
	}
	n, err := strconv.ParseInt(text, 10, 53)
	if err != nil || n < 0 {
		return 0, merr.InvalidParam("Query parameter %s must be a natural number", name)
	}
	return int(n), nil
}

// flag reads a parameter that is true or false; nil where it is missing.
func flag(r *request, name string) (*bool, error) {
	var b bool
	switch r.URL.Query().Get(name) {
	case "":
		return nil, nil
	case "true":
		b = true
	case "false":
	default:
		return nil, merr.InvalidParam("Query parameter %s must be true or false", name)
	}
	return &b, nil
}

// backward reads the parameter dir.
func backward(r *request, otherwise bool) (bool, error) {
	switch r.URL.Query().Get("dir") {
	case "":
		return otherwise, nil
	case "f":
		return false, nil
	case "b":
		return true, nil
	}
	return false, merr.InvalidParam("Query parameter dir must be f or b")
}

// order sorts entries by a column that the request names, or refuses.
func order[T any](r *request, all []T, columns map[string]func(a, b T) int, otherwise string, back bool) error {
	name := r.URL.Query().Get("order_by")
	if name == "" {
		name = otherwise
	}
	by, ok := columns[name]
	if !ok {
		return merr.InvalidParam("Query parameter order_by can't be %q", name)
	}
	slices.SortStableFunc(all, func(a, b T) int {
		if back {
			return by(b, a)
		}
		return by(a, b)
	})
	return nil
}

// cut gives a page of a list, and the number at which the next begins; 0 where there is none.
func cut[T any](all []T, from, limit int) (part []T, next int) {
	from = min(from, len(all))
	to := min(from+limit, len(all))
	if to < len(all) {
		next = to
	}
	return append([]T{}, all[from:to]...), next
}

// orNull is null for the empty text.
func orNull(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

func yesNo(b bool) int {
	if b {
		return 1
	}
	return 0
}
