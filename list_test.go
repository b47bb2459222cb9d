package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"beffroi/server/policy"
)

// unsignedList is a list as a publisher writes it.
func unsignedList(t *testing.T, change map[string]any) string {
	t.Helper()
	list := map[string]any{"format": policy.Format, "list_id": "herault.example.fr", "name": "Communes de l'Hérault", "publisher": "Département de l'Hérault",
		"contact": "dsi@herault.example.fr", "number": 7, "published_ts": time.Now().UnixMilli(), "expires_ts": time.Now().Add(90 * 24 * time.Hour).UnixMilli(),
		"servers": []map[string]any{
			{"server_name": "saint-aubin.example.fr", "organisation": "Mairie de Saint-Aubin", "contact": "mairie@saint-aubin.example.fr", "status": "active",
				"verify_keys": map[string]any{"ed25519:a": map[string]string{"key": strings.Repeat("A", 43)}}},
			{"server_name": "piscine.example.fr", "organisation": "Syndicat de la piscine", "status": "suspended"}}}
	for k, v := range change {
		list[k] = v
	}
	b, err := json.MarshalIndent(list, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "liste.json")
	if err := os.WriteFile(file, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func runList(args ...string) (status int, said string) {
	var out strings.Builder
	status = run(append([]string{"list"}, args...), &out, &out)
	return status, out.String()
}

func TestAPublisherSignsAListAndASubscriberVerifiesIt(t *testing.T) {
	file, dir := unsignedList(t, nil), t.TempDir()
	secret, public := filepath.Join(dir, "cle"), filepath.Join(dir, "publique.json")
	expect := func(want int, words string, args ...string) string {
		t.Helper()
		status, said := runList(args...)
		if status != want || !strings.Contains(said, words) {
			t.Fatalf("%v: %d %s, want %d %s", args, status, said, want, words)
		}
		return said
	}
	expect(1, "--new-key fait une nouvelle clé", "sign", "--key", secret, file)
	said := expect(0, "Liste n° 7 signée et vérifiée", "sign", "--key", secret, "--new-key", "--to", public, file)
	lines := strings.Split(strings.TrimSpace(said), "\n")
	key := lines[len(lines)-1]
	expect(1, "existe déjà", "sign", "--key", secret, "--new-key", "--to", public, file)
	expect(0, key, "sign", "--key", secret, "--to", public, file)
	expect(0, "La liste n° 7 de Département de l'Hérault est signée par cette clé", "verify", "--key", key, public)
	expect(1, "n'est pas signée par la clé", "verify", "--key", key, file)
	shown := expect(0, "Communes de l'Hérault (herault.example.fr), n° 7", "show", public)
	for _, want := range []string{"admis      saint-aubin.example.fr  Mairie de Saint-Aubin", "suspendu   piscine.example.fr", "(1 clé)", "n'a pas été vérifiée"} {
		if !strings.Contains(shown, want) {
			t.Errorf("%q is missing in\n%s", want, shown)
		}
	}
	if info, err := os.Stat(secret); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info, err)
	}
	other := filepath.Join(dir, "autre")
	expect(0, "signée", "sign", "--key", other, "--new-key", public) // the way to another key: both count
	expect(0, "signée par cette clé", "verify", "--key", key, public)
}

func TestListsThatCannotBeSigned(t *testing.T) {
	secret := filepath.Join(t.TempDir(), "cle")
	if status, said := runList("sign", "--key", secret, "--new-key", unsignedList(t, nil)); status != 0 {
		t.Fatal(said)
	}
	for words, c := range map[string]struct {
		status int
		args   []string
	}{
		"attend : sign, verify ou show": {2, nil},
		"sign, verify ou show (voir":    {2, []string{"erase"}},
		"il manque --key":               {2, []string{"sign", unsignedList(t, nil)}},
		"il manque le fichier":          {2, []string{"show"}},
		"ne vaut plus depuis":           {1, []string{"sign", "--key", secret, unsignedList(t, map[string]any{"published_ts": 1, "expires_ts": 2})}},
		"number n'est pas":              {1, []string{"sign", "--key", secret, unsignedList(t, map[string]any{"number": "7"})}},
		"s'écrit « ed25519:NOM":         {1, []string{"verify", "--key", "x", unsignedList(t, nil)}},
		"no such file":                  {1, []string{"show", "nulle-part.json"}},
		"pas un fichier de clé":         {1, []string{"sign", "--key", unsignedList(t, nil), unsignedList(t, nil)}},
	} {
		if status, said := runList(c.args...); status != c.status || !strings.Contains(said, words) {
			t.Errorf("%v: %d %s, want %d %s", c.args, status, said, c.status, words)
		}
	}
}
