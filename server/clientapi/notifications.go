package clientapi

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"

	"beffroi/server/clientevent"
	"beffroi/server/merr"
	"beffroi/server/push"
	"beffroi/server/store"
)

// Spec: client-server API, "Listing Notifications".
func (a *API) notificationRoutes() []route {
	return []route{{Method: "GET", Path: "/_matrix/client/v3/notifications", Handle: a.notifications}}
}

const notificationsAtOnce = 20

// notification is an event that the user was notified of.
type notification struct {
	Actions []push.Action   `json:"actions"`
	Event   json.RawMessage `json:"event"`
	Read    bool            `json:"read"`
	RoomID  string          `json:"room_id"`
	TS      int64           `json:"ts"` // milliseconds
}

type notificationPage struct {
	Notifications []notification `json:"notifications"`
	Next          string         `json:"next_token,omitempty"`
}

func (a *API) notifications(r *request) (any, error) {
	limit, err := limitOf(r, notificationsAtOnce)
	if err != nil {
		return nil, err
	}
	before, err := notificationsFrom(r.URL.Query().Get("from"))
	if err != nil {
		return nil, err
	}
	highlights := r.URL.Query().Get("only") == "highlight" // what else there may be is not specified, and narrows nothing
	return store.Get(r.Context(), a.DB, func(reader *store.Reader) (*notificationPage, error) {
		page, err := a.Push.Notifications(reader, r.Session.User, r.Session.UserID, before, highlights, max(limit, 1))
		if err != nil {
			return nil, err
		}
		return a.notificationPage(reader, r, page)
	})
}

func (a *API) notificationPage(reader *store.Reader, r *request, page *push.NotificationPage) (*notificationPage, error) {
	answer := &notificationPage{Notifications: make([]notification, len(page.Notifications))}
	if page.Next != 0 {
		answer.Next = notificationsPrefix + strconv.FormatInt(page.Next, 10)
	}
	events := make([]store.Event, len(page.Notifications))
	for i := range page.Notifications {
		events[i] = page.Notifications[i].Event
	}
	around, err := clientevent.Load(reader, events, false)
	if err != nil {
		return nil, err
	}
	view := clientevent.View{Device: r.Session.Device, User: r.Session.User, Now: a.Now(), Around: around}
	for i := range page.Notifications {
		n := &page.Notifications[i]
		answer.Notifications[i] = notification{n.Actions, view.Render(&n.Event, clientevent.Standing{}), n.Read, n.RoomID, n.Event.TS}
	}
	return answer, nil
}

// notificationsPrefix begins the tokens of pages: `n1.POS`, the position below which the page begins.
const notificationsPrefix = "n1."

func notificationsFrom(token string) (int64, error) {
	if token == "" {
		return math.MaxInt64, nil
	}
	digits, ok := strings.CutPrefix(token, notificationsPrefix)
	pos, err := strconv.ParseUint(digits, 10, 63)
	if !ok || err != nil {
		return 0, merr.InvalidParam("from is not a next_token of /notifications")
	}
	return int64(pos), nil
}
