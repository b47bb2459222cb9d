package journal

import (
	"bytes"
	"fmt"

	"beffroi/server/store"
)

// Report is what a check of the chain saw.
type Report struct {
	Rows   int64
	Anchor store.JournalLink // after which the rows begin; zero: nothing was pruned yet
	Head   store.JournalLink // the last row that was read
	Broken int64             // the number of the first row that is not what was written, or is missing; 0: the chain is whole
	Why    string            // what is wrong with it, in French
}

// readRows is how many rows are read at a time.
const readRows = 500

// Verify holds every row against its hash and the row before. Only errors of reading are errors.
func Verify(r *store.Reader) (report Report, err error) {
	if report.Anchor, err = r.JournalAnchor(); err != nil {
		return report, err
	}
	report.Head = report.Anchor
	err = Each(r, func(row store.JournalRow) bool {
		report.take(row)
		return report.Broken == 0
	})
	if err != nil || report.Broken != 0 {
		return report, err
	}
	head, err := r.JournalHead()
	if report.Head.Seq != head.Seq || !bytes.Equal(report.Head.Hash, head.Hash) {
		report.Broken, report.Why = report.Head.Seq+1, fmt.Sprintf("la fin manque : la dernière ligne écrite portait le numéro %d", head.Seq)
	}
	return report, err
}

// take holds one row against the one before.
func (p *Report) take(row store.JournalRow) {
	switch want := p.Head.Seq + 1; {
	case row.Seq != want:
		p.Broken, p.Why = want, fmt.Sprintf("elle manque : la suivante porte le numéro %d", row.Seq)
	case !bytes.Equal(row.Hash, row.HashAfter(p.Head.Hash)):
		p.Broken, p.Why = row.Seq, "son contenu n'est plus celui qui a été écrit, ou une ligne précédente a été remplacée"
	default:
		p.Rows++
		p.Head = store.JournalLink{Seq: row.Seq, Hash: row.Hash}
	}
}

// Each calls f for every row in their order, until it says no.
func Each(r *store.Reader, f func(store.JournalRow) bool) error {
	for after := int64(-1 << 63); ; {
		rows, err := r.JournalFrom(after, readRows)
		if err != nil || len(rows) == 0 {
			return err
		}
		for _, row := range rows {
			if !f(row) {
				return nil
			}
			after = row.Seq
		}
	}
}
