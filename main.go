// Command beffroi is a Matrix homeserver for town halls: one binary, one data folder.
package main

import (
	"context"
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
	"time"

	"github.com/mattn/go-isatty"
	"github.com/rs/zerolog"

	"beffroi/backup"
	"beffroi/embedui"
	"beffroi/server"
	"beffroi/server/accounts"
	"beffroi/server/config"
	"beffroi/server/policy"
	"beffroi/server/store"
	"beffroi/setup"
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
  beffroi scrub [--data DOSSIER] [--config FICHIER] [--json]
                    relit tout ce que le serveur garde, même en marche, et dit ce qui est abîmé ou perdu, sans rien changer ;
                    se termine par 0 si tout est intact, 3 si quelque chose est abîmé, 1 si la vérification n'a pas pu se faire
  beffroi journal verify [--data DOSSIER] [--config FICHIER]
                    vérifie que le journal des actes d'administration est tel qu'il a été écrit ; se termine par 3 s'il ne l'est plus
  beffroi journal export [--data DOSSIER] [--config FICHIER]
                    affiche ce journal en CSV, pour un tableur (beffroi journal export >journal.csv)
  beffroi raccordement [--format text|json|toml|page] [--lang fr|en] [--data DOSSIER] [--config FICHIER]
                    affiche la fiche de raccordement : ce que la passerelle d'un partenaire doit savoir de ce serveur
  beffroi raccordement test [SERVEUR] [--lang fr|en] [--data DOSSIER] [--config FICHIER]
                    interroge ce serveur, ou celui d'un partenaire, comme le ferait un autre serveur, et dit ce qui ne va pas et que faire
  beffroi list sign --key FICHIER [--new-key] [--to FICHIER] LISTE
                    vérifie et signe une liste de confiance (voir server/policy/FORMAT.md) ; --new-key fait d'abord la clé
  beffroi list verify --key 'ed25519:NOM BASE64' LISTE
                    vérifie qu'une liste de confiance est signée par cette clé et vaut aujourd'hui
  beffroi list show LISTE
                    affiche une liste de confiance
  beffroi version   affiche la version
  beffroi help      affiche cette aide

Chaque réglage du fichier peut aussi venir d'une variable BEFFROI_… (voir README.md).
`

func main() {
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

// run gives the exit status: 0 when all went well, 1 for what happens, 2 for a command line that can't be understood, 3 for damage that a scrub found.
func run(args []string, out, errs io.Writer) int {
	err := command(args, out)
	var wrong usageError
	var damage damageError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &wrong):
		_, _ = fmt.Fprintf(errs, "beffroi : %v (voir : beffroi help)\n", err)
		return 2
	case errors.As(err, &damage):
		_, _ = fmt.Fprintf(errs, "beffroi : %v\n", err)
		return 3
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
	case "scrub":
		return scrubCommand(args, out)
	case "journal":
		return journalCommand(args, out)
	case "raccordement":
		return raccordement(args, out)
	case "list":
		return listCommand(args, out)
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
	s, err := server.New(ctx, cfg, log, server.WithPages(webClient(cfg)), server.WithVersion(version))
	if err != nil {
		return err
	}
	return errors.Join(listenAndServe(ctx, s, cfg, log, out), s.Close())
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

// listenAndServe serves the homeserver, or the wizard before it where the data folder is nobody's yet.
func listenAndServe(ctx context.Context, s *server.Server, cfg config.Config, log zerolog.Logger, out io.Writer) error {
	front, announce, err := frontOf(ctx, s, cfg, log)
	if err != nil {
		return err
	}
	plain, secure, err := s.Listen(ctx)
	if err != nil {
		return err
	}
	if err := announce(out, setup.Addresses(addressOf(plain), addressOf(secure), cfg.PublicURL)); err != nil {
		log.Error().Err(err).Msg("the setup token could not be shown; `beffroi setup token` shows one")
	}
	return s.Serve(ctx, front, plain, secure)
}

// frontOf is what stands before the API, and what it tells people once it listens.
func frontOf(ctx context.Context, s *server.Server, cfg config.Config, log zerolog.Logger,
) (http.Handler, func(io.Writer, []string) error, error) {
	if api := s.Handler(); api != nil {
		return setup.Closed(api), func(io.Writer, []string) error { return nil }, setup.Forget(cfg.DataDir)
	}
	wizard, err := setup.New(ctx, setup.Options{
		DB: s.DB(), DataDir: cfg.DataDir, PublicURL: cfg.PublicURL, Reserved: cfg.Rooms.Custodian, Now: time.Now, Random: rand.Reader, Log: log,
		HashPassword: s.HashPassword, Homeserver: s.Handler,
		Found: func(ctx context.Context, a setup.Answers) error {
			return s.Found(ctx, server.Founding{ServerName: a.ServerName, Mode: policy.Mode(a.Mode), Commune: a.Commune, BackupRecipient: a.BackupRecipient,
				Admin: accounts.First{Localpart: a.Localpart, DisplayName: a.DisplayName, PasswordHash: a.PasswordHash}})
		},
	})
	if err != nil {
		return nil, nil, err
	}
	return wizard, wizard.Announce, nil
}

func addressOf(l net.Listener) string {
	if l == nil {
		return ""
	}
	return l.Addr().String()
}

// setupToken is `beffroi setup token`. It works beside a server that runs, and before the first start.
func setupToken(args []string, out io.Writer) error {
	if len(args) == 0 || args[0] != "token" {
		return usageError("« beffroi setup » attend : token")
	}
	cfg, err := serveConfig("setup token", args[1:])
	if errors.Is(err, flag.ErrHelp) {
		_, err = io.WriteString(out, usage)
		return err
	}
	if err != nil {
		return err
	}
	if cfg.ServerName != "" {
		return fmt.Errorf("server_name = %q : la configuration donne l'adresse de la commune, il n'y a rien à installer", cfg.ServerName)
	}
	token, err := setup.NewToken(cfg.DataDir, store.FileName, rand.Reader, time.Now())
	if err != nil {
		return fmt.Errorf("data_dir = %q : %w", cfg.DataDir, err)
	}
	return setup.Print(out, setup.Addresses(cfg.Listen.HTTP, cfg.Listen.TLS, cfg.PublicURL), token)
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

// configOf is the configuration of a command beside a server; data, where it is given, stands over the file and the environment.
func configOf(file, data string) (config.Config, error) {
	given := map[string]string{}
	if data != "" {
		given["data_dir"] = data
	}
	return config.Load(file, os.Environ(), given)
}

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
	cfg, err := configOf(*file, *data)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	made, err := backup.Write(ctx, backup.Request{DataDir: cfg.DataDir, To: *to, Recipients: recipients, Program: version, Now: time.Now()})
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "Sauvegarde écrite, relue et vérifiée : %s (%s)\n%s", made.Path, backup.Size(made.Bytes), backup.Contents(made.Manifest))
	return errors.Join(err, backup.Incomplete(made.Manifest))
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
		"Ne remettez plus l'ancien serveur en marche.\n", backup.Contents(m), m.Key.ID, m.Key.Fingerprint(), *data)
	return errors.Join(err, backup.Incomplete(m))
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

// logger writes to standard error: for people on a terminal, JSON lines otherwise, unless the configuration says which.
func logger(cfg config.Log) zerolog.Logger {
	var out io.Writer = os.Stderr
	if cfg.Format == "console" || cfg.Format == "auto" && isatty.IsTerminal(os.Stderr.Fd()) {
		out = zerolog.ConsoleWriter{Out: os.Stderr, TimeFormat: "15:04:05"}
	}
	level, _ := zerolog.ParseLevel(cfg.Level) // config knows the levels
	return zerolog.New(out).Level(level).With().Timestamp().Logger()
}
