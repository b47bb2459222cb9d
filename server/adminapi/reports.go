package adminapi

import (
	"strconv"

	"beffroi/server/admin"
	"beffroi/server/merr"
	"beffroi/server/store"
)

// Source: Synapse's admin API, "Show reported events".
func (a *API) reportCalls() []Call {
	const reports = "/_synapse/admin/v1/event_reports"
	return []Call{
		call("GET", reports, Reads, "which events were reported, by whom and why", a.reports),
		call("GET", reports+"/{reportId}", Reads, "one of them. `event_json` has no content: what was said is told by who reported it", a.report),
		call("DELETE", reports+"/{reportId}", Acts, "removes a report that was dealt with", a.deleteReport),
	}
}

// reportEntry is a report of an event.
type reportEntry struct {
	ID             int64   `json:"id"`
	ReceivedTS     int64   `json:"received_ts"`
	RoomID         string  `json:"room_id"`
	Name           *string `json:"name"`
	CanonicalAlias *string `json:"canonical_alias"`
	EventID        string  `json:"event_id"`
	UserID         string  `json:"user_id"` // who reported
	Sender         string  `json:"sender"`  // who is reported
	Reason         string  `json:"reason"`
	Score          *int    `json:"score"`
}

func (a *API) toReportEntry(r *request, p store.FiledReport) (reportEntry, error) {
	e := reportEntry{ID: p.ID, ReceivedTS: p.TS, RoomID: p.RoomID, EventID: p.EventID, UserID: p.ReporterID, Sender: p.UserID, Reason: p.Reason}
	room, err := a.Admin.Room(r.Context(), p.RoomID)
	if merr.Is(err, "M_NOT_FOUND") { // the report outlives it
		return e, nil
	}
	e.Name, e.CanonicalAlias = room.Name, room.CanonicalAlias
	return e, err
}

func (a *API) reports(r *request) (any, error) {
	from, limit, err := page(r)
	if err != nil {
		return nil, err
	}
	back, err := backward(r, true)
	if err != nil {
		return nil, err
	}
	q := r.URL.Query()
	found, total, err := a.Admin.Reports(r.Context(), store.ReportFilter{EventsOnly: true, Reporter: q.Get("user_id"), RoomID: q.Get("room_id"),
		UserID: q.Get("event_sender_user_id")}, back, from, limit)
	if err != nil {
		return nil, err
	}
	entries := []reportEntry{}
	for _, p := range found {
		e, err := a.toReportEntry(r, p)
		if err != nil {
			return nil, err
		}
		entries = append(entries, e)
	}
	answer := map[string]any{"event_reports": entries, "total": total}
	if from+len(found) < total {
		answer["next_token"] = from + len(found)
	}
	return answer, nil
}

func reportID(r *request) (int64, error) {
	id, err := strconv.ParseInt(r.PathValue("reportId"), 10, 64)
	if err != nil || id < 0 {
		return 0, merr.InvalidParam("The report_id parameter must be a natural number")
	}
	return id, nil
}

func (a *API) report(r *request) (any, error) {
	id, err := reportID(r)
	if err != nil {
		return nil, err
	}
	p, err := a.Admin.Report(r.Context(), id)
	if err != nil {
		return nil, err
	}
	e, err := a.toReportEntry(r, p)
	if err != nil {
		return nil, err
	}
	outline, err := a.Admin.Outline(r.Context(), p)
	return struct {
		reportEntry
		Event admin.EventOutline `json:"event_json"`
	}{e, outline}, err
}

func (a *API) deleteReport(r *request) (any, error) {
	id, err := reportID(r)
	if err != nil {
		return nil, err
	}
	return nil, a.Admin.DeleteReport(r.Context(), actor(r), id)
}
