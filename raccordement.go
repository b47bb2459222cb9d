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
	"slices"
	"strings"
	"syscall"
	"time"

	"beffroi/server"
	"beffroi/server/config"
	"beffroi/server/federation/selftest"
	"beffroi/server/federation/sheet"
	"beffroi/server/store"
)

// raccordement writes the connection sheet of a server, which may be running, or tests it, or a partner's.
func raccordement(args []string, out io.Writer) error {
	test := len(args) > 0 && args[0] == "test"
	if test {
		args = args[1:]
	}
	flags := newFlags("raccordement")
	file, data := flags.String("config", "", ""), flags.String("data", "", "")
	format, lang := flags.String("format", "text", ""), flags.String("lang", "fr", "")
	partner := ""
	if test && len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		partner, args = args[0], args[1:]
	}
	if done, err := parse(flags, args, out); done || err != nil {
		return err
	}
	if !slices.Contains(sheet.Formats(), *format) || !slices.Contains([]string{"fr", "en"}, *lang) {
		return usageError("--format attend text, json, toml ou page ; --lang attend fr ou en")
	}
	cfg, err := configOf(*file, *data)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err = store.ReadFile(ctx, filepath.Join(cfg.DataDir, store.FileName), func(r *store.Reader) error {
		if cfg.ServerName, err = r.MetaText(store.MetaServerName); err != nil || cfg.ServerName == "" {
			return errors.Join(err, errors.New("ce serveur n'a pas encore de nom : terminez son installation"))
		}
		if test {
			return testServer(ctx, r, cfg, partner, *lang, out)
		}
		s, err := sheet.Make(r, server.Place(cfg), time.Now())
		if err != nil {
			return err
		}
		return s.Write(out, *format, *lang)
	})
	var refused *store.RefusedError
	if errors.Is(err, fs.ErrNotExist) || errors.As(err, &refused) {
		return fmt.Errorf("%s : le dossier de données ne peut pas être lu : %w", cfg.DataDir, err)
	}
	return err
}

// testServer ends with an error where something is wrong.
func testServer(ctx context.Context, r *store.Reader, cfg config.Config, partner, lang string, out io.Writer) error {
	tester, err := server.Tester(r, cfg)
	if err != nil {
		return err
	}
	if partner == "" {
		partner = cfg.ServerName
	}
	findings := tester.Test(ctx, partner)
	words, err := selftest.Say(findings, lang)
	if err != nil {
		return err
	}
	if _, err := io.WriteString(out, selftest.Text(words)); err != nil {
		return err
	}
	if slices.ContainsFunc(findings, func(f selftest.Finding) bool { return f.Verdict == selftest.Bad }) {
		return errors.New("le raccordement ne fonctionne pas encore")
	}
	return nil
}
