package admin

import (
	"context"
	"strconv"

	"beffroi/server/journal"
	"beffroi/server/merr"
	"beffroi/server/rooms"
	"beffroi/server/store"
)

// Reports lists chosen reports, from one on, and tells how many there are in all.
func (s *Service) Reports(ctx context.Context, f store.ReportFilter, latestFirst bool, from, limit int) (found []store.FiledReport, total int, err error) {
	err = s.db.Read(ctx, func(r *store.Reader) error {
		found, total, err = r.FindReports(f, latestFirst, from, limit)
		return err
	})
	return found, total, err
}

// Report gives one report: 404 M_NOT_FOUND where there is none.
func (s *Service) Report(ctx context.Context, id int64) (store.FiledReport, error) {
	return store.Get(ctx, s.db, func(r *store.Reader) (store.FiledReport, error) {
		p, found, err := r.FindReport(id)
		if err == nil && !found {
			err = merr.NotFound("Event report not found")
		}
		return p, err
	})
}

// EventOutline is an event without what it says.
type EventOutline struct {
	EventID string         `json:"event_id"`
	RoomID  string         `json:"room_id"`
	Sender  string         `json:"sender"`
	Type    string         `json:"type"`
	TS      int64          `json:"origin_server_ts"`
	Content map[string]any `json:"content"` // empty
}

// Outline gives what is told of the event that a report is about.
func (s *Service) Outline(ctx context.Context, p store.FiledReport) (EventOutline, error) {
	o := EventOutline{EventID: p.EventID, RoomID: p.RoomID, Sender: p.UserID, Content: map[string]any{}}
	err := s.db.Read(ctx, func(r *store.Reader) error {
		e, ok, err := r.EventByID(p.EventID)
		if err != nil || !ok {
			return err
		}
		o.TS = e.TS
		o.Type, err = r.Text(e.Type)
		return err
	})
	return o, err
}

// DeleteReport removes a report that was dealt with: 404 M_NOT_FOUND where there is none.
func (s *Service) DeleteReport(ctx context.Context, by rooms.User, id int64) error {
	p, err := s.Report(ctx, id)
	if err != nil {
		return err
	}
	e := journal.Entry{Act: journal.DeleteReport, Target: p.UserID, RoomID: p.RoomID, Detail: map[string]any{"report": strconv.FormatInt(id, 10)}}
	return s.act(ctx, by, e, func(ctx context.Context) error {
		return s.db.Write(ctx, func(tx *store.Tx) error {
			_, err := tx.DeleteReport(id)
			return err
		})
	})
}
