package rooms

import (
	"context"
	"net/http"
	"time"

	"beffroi/server/merr"
	"beffroi/server/pdu"
	"beffroi/server/store"
)

// What one user may report in a time, and how long a reason may be, in bytes.
const (
	maxReports    = 100
	reportsWithin = 24 * time.Hour
	maxReason     = 4000
)

// ReportEvent tells the administration of an event in a room that the user is joined to: M_NOT_FOUND for one that they don't see.
//
// Spec: client-server API, "Reporting Content".
func (s *Service) ReportEvent(ctx context.Context, u User, roomID, eventID, reason string) error {
	return s.report(ctx, u, reason, func(r *store.Reader) (p store.Report, err error) {
		_, e, v, err := Event(r, roomID, eventID, u.Atom)
		if err == nil && !v.In() {
			err = merr.NotFound("There is no such event, or you are not in its room")
		}
		if err != nil {
			return p, err
		}
		sender, err := r.Text(e.Sender)
		return store.Report{RoomID: roomID, EventID: eventID, UserID: sender}, err
	})
}

// ReportRoom tells the administration of a room, also one that the user is not in.
func (s *Service) ReportRoom(ctx context.Context, u User, roomID, reason string) error {
	return s.report(ctx, u, reason, func(r *store.Reader) (store.Report, error) {
		_, ok, err := r.FindRoom(roomID)
		if err == nil && !ok {
			err = merr.NotFound("There is no such room here")
		}
		return store.Report{RoomID: roomID}, err
	})
}

// ReportUser tells the administration of a user, of this server or another one.
func (s *Service) ReportUser(ctx context.Context, u User, userID, reason string) error {
	return s.report(ctx, u, reason, func(r *store.Reader) (p store.Report, err error) {
		if !pdu.ValidUserID(userID) {
			return p, merr.InvalidParam("%q is not a user id", userID)
		}
		known, err := r.FindAtom(userID)
		if err == nil && known == 0 {
			err = merr.NotFound("There is no such user here")
		}
		return store.Report{UserID: userID}, err
	})
}

// report stores what was found to be reported.
func (s *Service) report(ctx context.Context, u User, reason string, find func(r *store.Reader) (store.Report, error)) error {
	if len(reason) > maxReason {
		return merr.TooLarge("A reason can have %d bytes", maxReason)
	}
	p, err := store.Get(ctx, s.db, find)
	if err != nil {
		return err
	}
	now := s.now()
	p.Reporter, p.TS, p.Reason = u.Atom, store.Millis(now), reason
	return s.db.Write(ctx, func(tx *store.Tx) error {
		n, first, err := tx.ReportsFrom(u.Atom, store.Millis(now.Add(-reportsWithin)))
		if err != nil {
			return err
		}
		if n >= maxReports {
			wait := first + reportsWithin.Milliseconds() - p.TS
			return merr.New(http.StatusTooManyRequests, "M_LIMIT_EXCEEDED", "You have reported %d times in a day", n).With("retry_after_ms", max(wait, 1))
		}
		return tx.AddReport(p)
	})
}
