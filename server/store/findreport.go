package store

import "database/sql"

// ReportFilter chooses reports; what is empty chooses all.
type ReportFilter struct {
	EventsOnly     bool
	Reporter       string // a user id
	RoomID, UserID string
}

const (
	reportWhere = ` FROM report p JOIN atom a ON a.id = p.reporter WHERE (?1 = 0 OR p.event_id IS NOT NULL) AND ?2 IN ('', a.text)
		AND ?3 IN ('', coalesce(p.room_id, '')) AND ?4 IN ('', coalesce(p.user_id, ''))`
	reportColumns = `SELECT p.id, a.text, p.ts, coalesce(p.room_id, ''), coalesce(p.event_id, ''), coalesce(p.user_id, ''), p.reason`
	countReports  = `SELECT count(*)` + reportWhere
	reportsUp     = reportColumns + reportWhere + ` ORDER BY p.id LIMIT ?5 OFFSET ?6`
	reportsDown   = reportColumns + reportWhere + ` ORDER BY p.id DESC LIMIT ?5 OFFSET ?6`
	reportByID    = reportColumns + ` FROM report p JOIN atom a ON a.id = p.reporter WHERE p.id = ?`
	deleteReport  = `DELETE FROM report WHERE id = ?`
)

// FiledReport is a report with who made it.
type FiledReport struct {
	Report
	ReporterID string
}

// FindReports lists chosen reports, from one on, and tells how many there are in all.
func (r *Reader) FindReports(f ReportFilter, latestFirst bool, from, limit int) (found []FiledReport, total int, err error) {
	args := in(f.EventsOnly, f.Reporter, f.RoomID, f.UserID)
	if _, err := r.row(countReports, args, &total); err != nil {
		return nil, 0, err
	}
	query := reportsUp
	if latestFirst {
		query = reportsDown
	}
	found, err = list(r, query, append(args, limit, from), scanFiledReport)
	return found, total, err
}

// FindReport reads one report.
func (r *Reader) FindReport(id int64) (p FiledReport, found bool, err error) {
	all, err := list(r, reportByID, in(id), scanFiledReport)
	if len(all) == 0 || err != nil {
		return p, false, err
	}
	return all[0], true, nil
}

func scanFiledReport(rows *sql.Rows) (p FiledReport, err error) {
	err = rows.Scan(&p.ID, &p.ReporterID, &p.TS, &p.RoomID, &p.EventID, &p.UserID, &p.Reason)
	return p, err
}

// DeleteReport removes a report. It tells whether it was there.
func (tx *Tx) DeleteReport(id int64) (was bool, err error) {
	n, err := tx.execCount(deleteReport, id)
	return n == 1, err
}
