package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"beffroi/backup"
	"beffroi/server/scrub"
)

// A damageError is what a scrub found: the command did its work, and its exit status is one of its own.
type damageError int

func (n damageError) Error() string { return fmt.Sprintf("%d dégât(s) trouvé(s)", int(n)) }

// scrubCommand reads everything that a server keeps, which may be running, and says what is damaged.
func scrubCommand(args []string, out io.Writer) error {
	flags := newFlags("scrub")
	file, data, asJSON := flags.String("config", "", ""), flags.String("data", "", ""), flags.Bool("json", false, "")
	if done, err := parse(flags, args, out); done || err != nil {
		return err
	}
	cfg, err := configOf(*file, *data)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	report, err := scrub.Run(ctx, scrub.Config{DataDir: cfg.DataDir})
	if errors.Is(err, scrub.ErrUnusable) {
		return fmt.Errorf("%s : la base de données ne peut pas être vérifiée : %w", cfg.DataDir, err)
	}
	if err != nil {
		return err
	}
	if *asJSON {
		err = json.NewEncoder(out).Encode(report)
	} else {
		_, err = io.WriteString(out, told(report))
	}
	if n := len(report.Findings); err == nil && n > 0 {
		err = damageError(n)
	}
	return err
}

// told is a report for people: what is damaged, each with its details, and how much was read.
func told(report scrub.Report) string {
	var text strings.Builder
	for _, f := range report.Findings {
		fmt.Fprintln(&text, "-", f.Sentence())
		for _, detail := range append(f.EventIDs, f.Details...) {
			fmt.Fprintln(&text, "   ", detail)
		}
	}
	if len(report.Findings) == 0 {
		fmt.Fprint(&text, "Tout est intact. ")
	}
	fmt.Fprintf(&text, "Lus en %.1f s : %d lignes, dont %d événements ; %d fichiers (%s).\n",
		report.Took.Seconds(), report.Rows, report.Events, report.Files, backup.Size(report.Bytes))
	return text.String()
}
