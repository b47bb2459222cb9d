package journal

import (
	"encoding/csv"
	"encoding/hex"
	"errors"
	"io"
	"strconv"
	"strings"
	"time"

	"beffroi/server/store"
)

// bom tells spreadsheets that a file is UTF-8.
const bom = "\ufeff"

// A CSV writes rows as spreadsheets set to French read them: UTF-8 with a mark, semicolons, times of the machine's zone.
type CSV struct {
	w    *csv.Writer
	zone *time.Location
}

// NewCSV writes the mark and the line of titles.
func NewCSV(out io.Writer, zone *time.Location) (*CSV, error) {
	if _, err := io.WriteString(out, bom); err != nil {
		return nil, err
	}
	c := &CSV{csv.NewWriter(out), zone}
	c.w.Comma, c.w.UseCRLF = ';', true
	return c, c.w.Write([]string{"Numéro", "Date et heure", "Qui", "Action", "Code de l'action", "Qui ou quoi est concerné", "Salon", "Résultat", "Détail", "Empreinte"})
}

// Write writes one row.
func (c *CSV) Write(j store.JournalRow) error {
	cells := []string{strconv.FormatInt(j.Seq, 10), time.UnixMilli(j.TS).In(c.zone).Format(time.DateTime), j.Actor, Act(j.Act).French(), j.Act, j.Target,
		j.RoomID, outcomeFrench(j.Outcome), j.Detail, hex.EncodeToString(j.Hash)}
	for i, cell := range cells {
		cells[i] = inert(cell)
	}
	return c.w.Write(cells)
}

// Flush writes what is held back.
func (c *CSV) Flush() error {
	c.w.Flush()
	return c.w.Error()
}

// inert keeps a spreadsheet from taking a cell for a formula. Source: OWASP, "CSV Injection".
func inert(cell string) string {
	if cell != "" && strings.ContainsAny(cell[:1], "=+-@\t\r\n") {
		return "'" + cell
	}
	return cell
}

func outcomeFrench(outcome string) string {
	switch outcome {
	case Ordered:
		return "ordonné"
	case Failed:
		return "échec"
	}
	return outcome
}

// WriteCSV writes the whole journal.
func WriteCSV(r *store.Reader, out io.Writer, zone *time.Location) error {
	c, err := NewCSV(out, zone)
	if err != nil {
		return err
	}
	var failed error
	err = Each(r, func(row store.JournalRow) bool {
		failed = c.Write(row)
		return failed == nil
	})
	return errors.Join(err, failed, c.Flush())
}
