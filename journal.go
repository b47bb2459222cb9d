package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"beffroi/server/journal"
	"beffroi/server/store"
)

// journalCommand checks or writes out the journal of a server, which may be running.
func journalCommand(args []string, out io.Writer) error {
	const expected = usageError("« beffroi journal » attend : verify ou export")
	if len(args) == 0 {
		return expected
	}
	do := map[string]func(*store.Reader, io.Writer) error{"verify": verifyJournal, "export": exportJournal}[args[0]]
	if do == nil {
		return expected
	}
	flags := newFlags("journal " + args[0])
	file, data := flags.String("config", "", ""), flags.String("data", "", "")
	if done, err := parse(flags, args[1:], out); done || err != nil {
		return err
	}
	cfg, err := configOf(*file, *data)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err = store.ReadFile(ctx, filepath.Join(cfg.DataDir, store.FileName), func(r *store.Reader) error { return do(r, out) })
	var refused *store.RefusedError
	if errors.Is(err, fs.ErrNotExist) || errors.As(err, &refused) {
		return fmt.Errorf("%s : le journal ne peut pas être lu : %w", cfg.DataDir, err)
	}
	return err
}

func verifyJournal(r *store.Reader, out io.Writer) error {
	report, err := journal.Verify(r)
	if err != nil {
		return err
	}
	if report.Broken != 0 {
		_, err = fmt.Fprintf(out, "Le journal est rompu à la ligne %d : %s.\nLes %d lignes avant elle sont telles qu'elles ont été écrites.\n",
			report.Broken, report.Why, report.Rows)
		return errors.Join(err, damageError(1))
	}
	_, err = fmt.Fprintf(out, "Le journal est intact : %d lignes. Empreinte de la dernière (n° %d) : %x\n", report.Rows, report.Head.Seq, report.Head.Hash)
	return err
}

func exportJournal(r *store.Reader, out io.Writer) error { return journal.WriteCSV(r, out, time.Local) }
