// Command beffroi is a Matrix homeserver for town halls: one binary, one data folder.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"runtime/debug"
	"sync"
	"syscall"

	"github.com/mattn/go-isatty"
	"github.com/rs/zerolog"

	"beffroi/embedui"
	"beffroi/server"
	"beffroi/server/config"
)

// version is set by the linker (see the Makefile); a binary built otherwise says "devel".
var version = "devel" //nolint:gochecknoglobals // the linker can only set a package variable

const usage = `Beffroi, la messagerie de la commune (serveur Matrix)

  beffroi [serve] [--config FICHIER] [--data DOSSIER] [--listen ADRESSE]
                    démarre le serveur ; dans un dossier neuf, affiche l'adresse et le jeton de son installation
  beffroi setup token [--config FICHIER] [--data DOSSIER] [--listen ADRESSE]
                    affiche un nouveau jeton d'installation, et annule les précédents
  beffroi backup --to DOSSIER [--recipient age1…]… [--data DOSSIER] [--config FICHIER]
                    sauvegarde tout le serveur, même en marche, dans un fichier chiffré
  beffroi restore --from FICHIER --identity FICHIER --data DOSSIER
                    remet une sauvegarde en place dans un dossier vide
  beffroi version   affiche la version
  beffroi help      affiche cette aide

Chaque réglage du fichier peut aussi venir d'une variable BEFFROI_… (voir README.md).
`

func main() {
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

// run gives the exit status: 0 when all went well, 1 for what happens, 2 for a command line that can't be understood.
func run(args []string, out, errs io.Writer) int {
	err := command(args, out)
	var wrong usageError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &wrong):
		_, _ = fmt.Fprintf(errs, "beffroi : %v (voir : beffroi help)\n", err)
		return 2
	default:
		_, _ = fmt.Fprintf(errs, "beffroi : %v\n", err)
		return 1
	}
}

// A usageError is a command line that can't be understood.
type usageError string

func (e usageError) Error() string { return string(e) }

func command(args []string, out io.Writer) error {
	name := "serve"
	if len(args) > 0 && (args[0] == "" || args[0][0] != '-') {
		name, args = args[0], args[1:]
	}
	switch name {
	case "serve":
		return serve(args, out)
	case "setup":
		return setupToken(args, out)
	case "backup":
		return backupCommand(args, out)
	case "restore":
		return restoreCommand(args, out)
	case "version":
		_, err := fmt.Fprintln(out, "beffroi", version)
		return err
	case "help":
		_, err := io.WriteString(out, usage)
		return err
	default:
		return usageError(fmt.Sprintf("la commande %q n'existe pas", name))
	}
}

// serve runs a homeserver until SIGINT or SIGTERM; a second signal ends the process at once.
func serve(args []string, out io.Writer) error {
	cfg, err := serveConfig("serve", args)
	if errors.Is(err, flag.ErrHelp) {
		_, err = io.WriteString(out, usage)
		return err
	}
	if err != nil {
		return err
	}
	log := logger(cfg.Log)
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(server.MemoryLimit(os.DirFS("/")))
	}
	for _, warning := range cfg.Warnings() {
		log.Warn().Msg(warning)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)
	log.Info().Str("version", version).Str("server_name", cfg.ServerName).Str("data_dir", cfg.DataDir).Msg("starting")
	s, err := server.New(ctx, cfg, log, server.WithPages(webClient(cfg)))
	if err != nil {
		return err
	}
	var manager sync.WaitGroup
	manager.Go(func() { tellManager(ctx, s.Ready(), log) })
	err = errors.Join(listenAndServe(ctx, s, cfg, log, out), s.Close())
	stop()
	manager.Wait()
	return err
}

// webClient makes the pages of the web client. It speaks to the address that it came from, so it needs no public_url.
func webClient(cfg config.Config) server.Pages {
	return func(serverName, commune string) http.Handler {
		c := embedui.Config{ServerName: serverName, Name: commune}
		if cfg.Rooms.Custodian != "" {
			c.Custodian = "@" + cfg.Rooms.Custodian + ":" + serverName
		}
		return embedui.Handler(c)
	}
}

// serveConfig puts the flags that were given over the environment and the file.
func serveConfig(command string, args []string) (config.Config, error) {
	flags := flag.NewFlagSet(command, flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	file := flags.String("config", "", "")
	flags.String("data", "", "")
	flags.String("listen", "", "")
	if err := flags.Parse(args); errors.Is(err, flag.ErrHelp) {
		return config.Config{}, err
	} else if err != nil {
		return config.Config{}, usageError("option inconnue ou incomplète : " + err.Error())
	}
	if flags.NArg() > 0 {
		return config.Config{}, usageError(fmt.Sprintf("argument inattendu : %q", flags.Arg(0)))
	}
	keys := map[string]string{"data": "data_dir", "listen": "listen.http"}
	given := map[string]string{}
	flags.Visit(func(f *flag.Flag) {
		if key := keys[f.Name]; key != "" {
			given[key] = f.Value.String()
		}
	})
	return config.Load(*file, os.Environ(), given)
}

// logger writes to standard error: for people on a terminal, JSON lines otherwise, unless the configuration says which.
func logger(cfg config.Log) zerolog.Logger {
	var out io.Writer = os.Stderr
	if cfg.Format == "console" || cfg.Format == "auto" && isatty.IsTerminal(os.Stderr.Fd()) {
		out = zerolog.ConsoleWriter{Out: os.Stderr, TimeFormat: "15:04:05"}
	}
	level, _ := zerolog.ParseLevel(cfg.Level) // config knows the levels
	return zerolog.New(out).Level(level).With().Timestamp().Logger()
}
