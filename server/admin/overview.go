package admin

import (
	"context"
	"encoding/json"
	"syscall"
	"time"

	"beffroi/server/store"
)

// Overview is how the server stands. Times are milliseconds since 1970, sizes bytes.
type Overview struct {
	Accounts  int   `json:"accounts"`        // that are not closed
	Admins    int   `json:"administrators"`  // of them
	Seen30    int   `json:"seen_in_30_days"` // of them
	NoPass    int   `json:"without_password"`
	Rooms     int   `json:"rooms"`
	Files     int64 `json:"files"`
	FileBytes int64 `json:"file_bytes"`
	DiskFree  int64 `json:"disk_free_bytes"`
	DiskSize  int64 `json:"disk_bytes"`
	Mail      Mail  `json:"mail"`
	Check     Check `json:"check"`
}

// Mail is how sending mails goes.
type Mail struct {
	Ready   bool   `json:"ready"` // a mail server is set up
	Waiting int    `json:"waiting"`
	Trouble string `json:"trouble"` // what keeps mails from going, in French; "": nothing
}

// Check is the last check of what is stored; zero where none was made yet.
type Check struct {
	TS       int64 `json:"ts"`
	Findings int   `json:"findings"`
}

// Overview tells how the server stands.
func (s *Service) Overview(ctx context.Context) (o Overview, err error) {
	h, err := s.Mail.Health(ctx, "fr")
	if err != nil {
		return o, err
	}
	o.Mail = Mail{Ready: h.Ready, Waiting: h.Waiting, Trouble: h.Trouble}
	var disk syscall.Statfs_t
	if err := syscall.Statfs(s.DataDir, &disk); err != nil {
		return o, err
	}
	o.DiskFree, o.DiskSize = int64(disk.Bavail)*disk.Bsize, int64(disk.Blocks)*disk.Bsize
	return o, s.db.Read(ctx, func(r *store.Reader) error {
		if err := o.people(r, s.Custodian.Atom, s.now()); err != nil {
			return err
		}
		rooms, err := r.RoomBriefs()
		if err != nil {
			return err
		}
		o.Rooms = len(rooms)
		uses, err := r.MediaUses(0, 1<<62)
		if err != nil {
			return err
		}
		for _, u := range uses {
			o.Files, o.FileBytes = o.Files+u.Count, o.FileBytes+u.Bytes
		}
		return o.checked(r)
	})
}

func (o *Overview) people(r *store.Reader, custodian store.Atom, now time.Time) error {
	all, err := r.AccountInfos()
	since := store.Millis(now.AddDate(0, 0, -30))
	for _, a := range all {
		if a.State.Is(store.AccountDeactivated) || a.User == custodian {
			continue
		}
		o.Accounts++
		o.Admins += one(a.Admin)
		o.Seen30 += one(a.LastSeen >= since)
		o.NoPass += one(a.Password == "")
	}
	return err
}

func one(b bool) int {
	if b {
		return 1
	}
	return 0
}

// checked reads what the last scrub left in meta.
func (o *Overview) checked(r *store.Reader) error {
	raw, err := r.MetaText(store.MetaScrub)
	if raw == "" || err != nil {
		return err
	}
	var report struct {
		Started  time.Time         `json:"started"`
		Findings []json.RawMessage `json:"findings"`
	}
	if err := json.Unmarshal([]byte(raw), &report); err != nil {
		return err
	}
	o.Check = Check{store.Millis(report.Started), len(report.Findings)}
	return nil
}
