package main

import (
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"beffroi/server/policy"
)

// listCommand is what the publisher of a trust list needs: Adullact, a département. It needs no server.
func listCommand(args []string, out io.Writer) error {
	const expected = usageError("« beffroi list » attend : sign, verify ou show")
	if len(args) == 0 {
		return expected
	}
	do := map[string]func([]string, io.Writer) error{"sign": listSign, "verify": listVerify, "show": listShow}[args[0]]
	if do == nil {
		return expected
	}
	return do(args[1:], out)
}

// listFlags reads a command line of flags and the name of one file.
func listFlags(flags *flag.FlagSet, args []string, out io.Writer, needed ...string) (file string, done bool, err error) {
	if len(args) > 0 && args[len(args)-1] != "" && args[len(args)-1][0] != '-' {
		file, args = args[len(args)-1], args[:len(args)-1]
	}
	if done, err = parse(flags, args, out, needed...); err == nil && !done && file == "" {
		err = usageError("il manque le fichier de la liste")
	}
	return file, done, err
}

// listSign signs a list in place of the file that it is in, or into another.
func listSign(args []string, out io.Writer) error {
	flags := newFlags("list sign")
	keyFile, to, fresh := flags.String("key", "", ""), flags.String("to", "", ""), flags.Bool("new-key", false, "")
	file, done, err := listFlags(flags, args, out, "key")
	if done || err != nil {
		return err
	}
	b, err := readList(file)
	if err != nil {
		return err
	}
	key, err := listKey(*keyFile, *fresh)
	if err != nil {
		return err
	}
	signed, err := policy.Sign(b, key)
	if err != nil {
		return fmt.Errorf("%s : %w", file, err)
	}
	l, err := policy.Verify(signed, key.Public())
	if err == nil {
		err = l.Current(time.Now())
	}
	if err != nil {
		return fmt.Errorf("%s : %w", file, err)
	}
	if *to == "" {
		*to = file
	}
	if err := replaceFile(*to, append(signed, '\n')); err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "Liste n° %d signée et vérifiée : %s (%d serveurs)\nClé à donner aux abonnés, par une autre voie que la liste :\n%s\n", l.Number, *to, len(l.Servers), key.Public())
	return err
}

// listKey reads the key of a publisher, or makes it: never both, so that a mistyped name does not make another publisher.
func listKey(file string, fresh bool) (policy.SigningKey, error) {
	if fresh {
		key, err := policy.NewSigningKey(rand.Reader)
		if err != nil {
			return key, err
		}
		f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if errors.Is(err, fs.ErrExist) {
			return key, fmt.Errorf("%s existe déjà : retirez --new-key pour signer avec cette clé", file)
		}
		if err != nil {
			return key, err
		}
		_, err = f.WriteString(key.Text())
		return key, errors.Join(err, f.Sync(), f.Close())
	}
	b, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return policy.SigningKey{}, fmt.Errorf("%s n'existe pas : --new-key fait une nouvelle clé", file)
	}
	if err != nil {
		return policy.SigningKey{}, err
	}
	key, err := policy.ParseSigningKey(string(b))
	if err != nil {
		return key, fmt.Errorf("%s : %w", file, err)
	}
	return key, nil
}

// replaceFile writes beside a file and puts it in its place: a server that fetches it gets one or the other.
func replaceFile(file string, b []byte) error {
	beside := file + ".new"
	if err := os.WriteFile(beside, b, 0o644); err != nil { //nolint:gosec // a list is for everybody
		return err
	}
	return os.Rename(beside, file)
}

// readList reads a list of the size that servers take.
func readList(file string) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, policy.MaxDocument+1))
}

func listVerify(args []string, out io.Writer) error {
	flags := newFlags("list verify")
	text := flags.String("key", "", "")
	file, done, err := listFlags(flags, args, out, "key")
	if done || err != nil {
		return err
	}
	key, err := policy.ParseKey(*text)
	if err != nil {
		return err
	}
	b, err := readList(file)
	if err != nil {
		return err
	}
	l, err := policy.Verify(b, key)
	if err == nil {
		err = l.Current(time.Now())
	}
	if err != nil {
		return fmt.Errorf("%s : %w", file, err)
	}
	_, err = fmt.Fprintf(out, "La liste n° %d de %s est signée par cette clé et vaut jusqu'au %s : %d serveurs.\n", l.Number, l.Publisher, listDay(l.Expires), len(l.Servers))
	return err
}

// listShow prints a list for people. It says that nobody has looked at the signature.
func listShow(args []string, out io.Writer) error {
	file, done, err := listFlags(newFlags("list show"), args, out)
	if done || err != nil {
		return err
	}
	b, err := readList(file)
	if err != nil {
		return err
	}
	l, _, err := policy.ParseList(b)
	if err != nil {
		return fmt.Errorf("%s : %w", file, err)
	}
	_, err = fmt.Fprintf(out, "%s (%s), n° %d\nÉditeur : %s, %s\nPubliée le %s, vaut jusqu'au %s. La signature n'a pas été vérifiée (beffroi list verify).\n\n", l.Name, l.ID, l.Number,
		l.Publisher, l.Contact, listDay(l.Published), listDay(l.Expires))
	for _, s := range l.Servers {
		_, failed := fmt.Fprintf(out, "%-9s  %s  %s  %s  %s\n", listStatus(s.Status), s.Name, s.Organisation, s.Contact, listKeys(s))
		err = errors.Join(err, failed)
	}
	return err
}

func listStatus(s policy.Status) string {
	switch s {
	case policy.Active:
		return "admis"
	case policy.Suspended:
		return "suspendu"
	case policy.Withdrawn:
		return "retiré"
	}
	return string(s)
}

func listKeys(s policy.Server) string {
	switch n := len(s.Keys); n {
	case 0:
		return "(clés non imposées)"
	case 1:
		return "(1 clé)"
	default:
		return fmt.Sprintf("(%d clés)", n)
	}
}

func listDay(ts int64) string { return time.UnixMilli(ts).Format("02/01/2006") }
