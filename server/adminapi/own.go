package adminapi

import (
	"encoding/json"
	"net/http"
	"time"

	"beffroi/server/accounts"
	"beffroi/server/journal"
	"beffroi/server/limits"
	"beffroi/server/merr"
	"beffroi/server/store"
)

// The calls of our own page of administration. Times are milliseconds since 1970. Those marked "confirmed" need the administrator's password again: they are refused
// with 403 FR.BEFFROI.CONFIRM_PASSWORD unless it was sent to /confirmation from the same device in the last ten minutes.
func (a *API) ownCalls() []Call {
	const v1 = "/_beffroi/admin/v1"
	return []Call{
		call("GET", v1+"/overview", Reads, "how many people, rooms and files there are, the disk, the last check of the database, whether mail is sent", a.overview),
		call("POST", v1+"/confirmation", Acts, "`{password}`: opens the confirmed calls to this device for ten minutes; answers `{expires_in_ms}`", a.confirmPassword).as(limits.Account),
		call("GET", v1+"/users", Reads, "accounts: `{users: [{user_id, display_name, admin, locked, suspended, deactivated, created_ts, last_seen_ts, has_password, link_expires_ts}]}`", a.ownUsers),
		call("POST", v1+"/users", Acts, "`{localpart, display_name, admin}` makes an account; answers `{user_id, link: {url, expires_ts}}`. With `admin` confirmed", a.ownCreate),
		call("POST", v1+"/users/{userId}/password_link", Acts, "makes a one-time link; answers `{link: {url, expires_ts}}`. For an administrator confirmed", a.ownLink),
		call("PUT", v1+"/users/{userId}/state", Acts, "`{locked, suspended}`: locks or suspends an account, or ends that", a.ownState),
		call("PUT", v1+"/users/{userId}/admin", Acts, "`{admin}`; confirmed", a.confirmed(a.setAdmin)),
		call("POST", v1+"/users/{userId}/logout", Acts, "logs all devices out", a.ownLogout),
		call("POST", v1+"/users/{userId}/deactivate", Acts, "`{erase, hand_over_to}` closes an account, after another was made administrator of its salons; answers `{handed_over}`; confirmed", a.confirmed(a.ownDeactivate)),
		call("POST", v1+"/notices", Acts, "`{body}` is sent to everybody as a notice of the server; answers `{people}`", a.ownNotice),
		call("GET", v1+"/reports", Reads, "what was reported: `{reports: [{id, ts, reporter, room_id, event_id, user_id, reason}], total}`", a.ownReports),
		call("GET", v1+"/journal", Reads, "the journal, the latest first: `{acts: [{seq, ts, actor, act, words, target, room_id, outcome, detail}]}`, chosen by `actor`, `act`, `target`, `room_id`, below the number `below`", a.ownJournal),
		call("GET", v1+"/journal/verify", Reads, "whether the journal is whole: `{rows, head, hash, broken, why}`; broken is 0 or the number of the first row that is not", a.ownVerify),
		call("GET", v1+"/journal.csv", Acts, "the whole journal for a spreadsheet; confirmed", a.confirmed(a.ownCSV)),
	}
}

func (a *API) overview(r *request) (any, error) { return a.Admin.Overview(r.Context()) }

type ownUser struct {
	UserID      string `json:"user_id"`
	DisplayName string `json:"display_name,omitempty"`
	Admin       bool   `json:"admin"`
	Locked      bool   `json:"locked"`
	Suspended   bool   `json:"suspended"`
	Deactivated bool   `json:"deactivated"`
	CreatedTS   int64  `json:"created_ts"`
	LastSeenTS  int64  `json:"last_seen_ts,omitempty"`
	HasPassword bool   `json:"has_password"`
	LinkExpires int64  `json:"link_expires_ts,omitempty"`
}

func (a *API) ownUsers(r *request) (any, error) {
	users := []ownUser{}
	err := a.DB.Read(r.Context(), func(rd *store.Reader) error {
		all, err := rd.AccountInfos()
		if err != nil {
			return err
		}
		for _, u := range all {
			l, _, err := rd.PasswordLinkOf(u.User)
			if err != nil {
				return err
			}
			users = append(users, ownUser{u.UserID, u.DisplayName, u.Admin, u.State.Is(store.AccountLocked), u.State.Is(store.AccountSuspended),
				u.State.Is(store.AccountDeactivated), u.Created, u.LastSeen, u.Password != "", l.Expires})
		}
		return nil
	})
	return map[string]any{"users": users}, err
}

func (a *API) ownCreate(r *request) (any, error) {
	var q struct {
		Localpart   string `json:"localpart"`
		DisplayName string `json:"display_name"`
		Admin       bool   `json:"admin"`
	}
	if err := r.Decode(&q); err != nil {
		return nil, err
	}
	if err := a.sure(r, q.Admin); err != nil {
		return nil, err
	}
	userID, link, err := a.Admin.CreateUser(r.Context(), actor(r), accounts.NewAccount{Localpart: q.Localpart, DisplayName: q.DisplayName, Admin: q.Admin})
	if err != nil {
		return nil, err
	}
	return map[string]any{"user_id": userID, "link": refTo(link)}, nil
}

func (a *API) ownLink(r *request) (any, error) {
	link, err := a.newLink(r, r.PathValue("userId"))
	if err != nil {
		return nil, err
	}
	return map[string]any{"link": refTo(link)}, nil
}

func (a *API) ownState(r *request) (any, error) {
	var q struct {
		Locked    *bool `json:"locked"`
		Suspended *bool `json:"suspended"`
	}
	if err := r.Decode(&q); err != nil {
		return nil, err
	}
	if q.Locked == nil && q.Suspended == nil {
		return nil, merr.MissingParam("locked or suspended is needed")
	}
	return nil, a.states(r, r.PathValue("userId"), q.Locked, q.Suspended)
}

// states locks and suspends an account, or ends that, where it is said.
func (a *API) states(r *request, userID string, locked, suspended *bool) error {
	if locked != nil {
		if err := a.Admin.SetState(r.Context(), actor(r), userID, store.AccountLocked, *locked); err != nil {
			return err
		}
	}
	if suspended == nil {
		return nil
	}
	return a.Admin.SetState(r.Context(), actor(r), userID, store.AccountSuspended, *suspended)
}

func (a *API) ownLogout(r *request) (any, error) {
	return nil, a.Admin.DeleteDevices(r.Context(), actor(r), r.PathValue("userId"), nil)
}

func (a *API) ownDeactivate(r *request) (any, error) {
	var q struct {
		Erase      bool   `json:"erase"`
		HandOverTo string `json:"hand_over_to"`
	}
	if err := r.DecodeOptional(&q); err != nil {
		return nil, err
	}
	handed := 0
	if q.HandOverTo != "" {
		var err error
		if handed, err = a.Admin.HandOver(r.Context(), actor(r), r.PathValue("userId"), q.HandOverTo); err != nil {
			return nil, err
		}
	}
	return map[string]int{"handed_over": handed}, a.Admin.Deactivate(r.Context(), actor(r), r.PathValue("userId"), q.Erase)
}

// maxNotice is how long a notice to everybody can be, in bytes.
const maxNotice = 10_000

func (a *API) ownNotice(r *request) (any, error) {
	var q struct {
		Body string `json:"body"`
	}
	if err := r.Decode(&q); err != nil {
		return nil, err
	}
	if q.Body == "" || len(q.Body) > maxNotice {
		return nil, merr.InvalidParam("body is missing, or longer than %d bytes", maxNotice)
	}
	content, err := json.Marshal(map[string]string{"msgtype": "m.text", "body": q.Body})
	if err != nil {
		return nil, err
	}
	people, err := a.Admin.SendNoticeToAll(r.Context(), actor(r), content)
	return map[string]int{"people": people}, err
}

func (a *API) ownReports(r *request) (any, error) {
	from, limit, err := page(r)
	if err != nil {
		return nil, err
	}
	found, total, err := a.Admin.Reports(r.Context(), store.ReportFilter{}, true, from, limit)
	reports := []map[string]any{}
	for _, p := range found {
		reports = append(reports, map[string]any{"id": p.ID, "ts": p.TS, "reporter": p.ReporterID, "room_id": p.RoomID, "event_id": p.EventID,
			"user_id": p.UserID, "reason": p.Reason})
	}
	return map[string]any{"reports": reports, "total": total}, err
}

func (a *API) ownJournal(r *request) (any, error) {
	below, err := number(r, "below", 0)
	if err != nil {
		return nil, err
	}
	limit, err := number(r, "limit", 100)
	if err != nil {
		return nil, err
	}
	q := r.URL.Query()
	rows, err := a.Journal.Page(r.Context(), int64(below), store.JournalFilter{Actor: q.Get("actor"), Act: q.Get("act"), Target: q.Get("target"), RoomID: q.Get("room_id")}, limit)
	acts := []map[string]any{}
	for _, j := range rows {
		acts = append(acts, map[string]any{"seq": j.Seq, "ts": j.TS, "actor": j.Actor, "act": j.Act, "words": journal.Act(j.Act).French(), "target": j.Target,
			"room_id": j.RoomID, "outcome": j.Outcome, "detail": json.RawMessage(j.Detail)})
	}
	return map[string]any{"acts": acts}, err
}

func (a *API) ownVerify(r *request) (any, error) {
	report, err := store.Get(r.Context(), a.DB, journal.Verify)
	return map[string]any{"rows": report.Rows, "head": report.Head.Seq, "hash": hexText(report.Head.Hash), "broken": report.Broken, "why": report.Why}, err
}

// journalFile answers with the whole journal.
type journalFile struct {
	a *API
	r *request
}

func (a *API) ownCSV(r *request) (any, error) {
	_, err := a.Journal.Record(r.Context(), journal.Entry{Actor: r.Session.UserID, Act: journal.ExportJournal})
	return journalFile{a, r}, err
}

// Respond implements httpx.Responder. Where reading fails midway the connection is cut, so that nobody takes a part for the whole.
func (f journalFile) Respond(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/csv; charset=utf-8")
	w.Header().Set("Content-Disposition", `attachment; filename="journal.csv"`)
	w.Header().Set("Cache-Control", "no-store")
	err := f.a.DB.Read(r.Context(), func(rd *store.Reader) error { return journal.WriteCSV(rd, w, time.Local) })
	if err != nil {
		panic(http.ErrAbortHandler)
	}
}
