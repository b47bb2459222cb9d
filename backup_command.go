package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"strconv"
	"strings"
	"syscall"
	"time"

	"beffroi/backup"
	"beffroi/backup/archive"
	"beffroi/server/config"
)

// backupCommand writes a backup of a server, which may be running.
func backupCommand(args []string, out io.Writer) error {
	flags := newFlags("backup")
	to, file, data := flags.String("to", "", ""), flags.String("config", "", ""), flags.String("data", "", "")
	var recipients []string
	flags.Func("recipient", "", func(text string) error {
		recipients = append(recipients, text)
		return nil
	})
	if done, err := parse(flags, args, out, "to"); done || err != nil {
		return err
	}
	given := map[string]string{}
	if *data != "" {
		given["data_dir"] = *data
	}
	cfg, err := config.Load(*file, os.Environ(), given)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	made, err := backup.Write(ctx, backup.Request{DataDir: cfg.DataDir, To: *to, Recipients: recipients, Program: version, Now: time.Now()})
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "Sauvegarde écrite, relue et vérifiée : %s (%s)\n%s", made.Path, size(made.Bytes), contents(made.Manifest))
	return errors.Join(err, incomplete(made.Manifest))
}

// restoreCommand makes a server of a backup, in an empty folder.
func restoreCommand(args []string, out io.Writer) error {
	flags := newFlags("restore")
	from, identity, data := flags.String("from", "", ""), flags.String("identity", "", ""), flags.String("data", "", "")
	if done, err := parse(flags, args, out, "from", "identity", "data"); done || err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	m, err := backup.Restore(ctx, backup.Restoring{From: *from, Identity: *identity, DataDir: *data, Now: time.Now()})
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "%sClé de signature : %s %s\nComparez-la avec la fiche de récupération.\n"+
		"Tout a été vérifié et remis en place dans %s ; le serveur peut démarrer.\n"+
		"Ne remettez plus l'ancien serveur en marche.\n", contents(m), m.Key.ID, m.Key.Fingerprint(), *data)
	return errors.Join(err, incomplete(m))
}

func newFlags(name string) *flag.FlagSet {
	flags := flag.NewFlagSet(name, flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	return flags
}

// streamHeap is the soft limit of Go's heap for commands that stream, beside a server that needs the memory: they hold a few blocks,
// the rest is garbage.
const streamHeap = 16 << 20

// parse reads a command line of flags only, of which some are needed. done tells that help was asked for and given.
func parse(flags *flag.FlagSet, args []string, out io.Writer, needed ...string) (done bool, err error) {
	if err := flags.Parse(args); errors.Is(err, flag.ErrHelp) {
		_, err = io.WriteString(out, usage)
		return true, err
	} else if err != nil {
		return false, usageError("option inconnue ou incomplète : " + err.Error())
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(streamHeap)
	}
	if flags.NArg() > 0 {
		return false, usageError(fmt.Sprintf("argument inattendu : %q", flags.Arg(0)))
	}
	for _, name := range needed {
		if flags.Lookup(name).Value.String() == "" {
			return false, usageError(fmt.Sprintf("il manque --%s", name))
		}
	}
	return false, nil
}

// contents says what is in a backup.
func contents(m archive.Manifest) string {
	rows := map[string]int64{}
	for _, t := range m.Tables {
		rows[t.Name] = t.Rows
	}
	return fmt.Sprintf("Serveur %s, état du %s (UTC)\nComptes : %d · appareils : %d · salons et conversations : %d · événements : %d · fichiers : %d (%s)\n",
		m.ServerName, time.UnixMilli(m.Created).UTC().Format("02/01/2006 à 15:04:05"),
		rows["account"], rows["device"], rows["room"], rows["event"], m.Media.Files, size(m.Media.Bytes))
}

func incomplete(m archive.Manifest) error {
	if m.Media.Missing == 0 {
		return nil
	}
	return fmt.Errorf("%d fichier(s) envoyé(s) par les utilisateurs manquaient ou étaient abîmés sur le serveur : ils ne sont pas dans cette sauvegarde", m.Media.Missing)
}

// size is a number of bytes for people.
func size(n int64) string {
	for i, unit := range []string{"octets", "ko", "Mo", "Go"} {
		scale := int64(1) << (10 * i)
		if n < scale<<10 || i == 3 {
			text := strconv.FormatFloat(float64(n)/float64(scale), 'f', min(i, 1), 64)
			return strings.Replace(text, ".", ",", 1) + " " + unit
		}
	}
	return ""
}
