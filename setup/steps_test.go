package setup_test

import (
	"strings"
	"testing"
)

func TestAddresses(t *testing.T) {
	i := install(t)
	b := i.browser()
	p := b.submit(b.enter(), "commune", "Vauclair")
	for address, problem := range map[string]string{
		"":                               "Écrivez l’adresse de la commune.",
		"vauclair":                       "Il manque la fin du nom",
		"192.0.2.1":                      "l’adresse d’une machine",
		"[2001:db8::1]:8448":             "l’adresse d’une machine",
		"vauclair.fr/messagerie":         "rien après lui",
		"mairie@vauclair.fr":             "ce qui suit l’arobase",
		"évry.fr":                        "caractères qui ne conviennent pas",
		"vau clair.fr":                   "caractères qui ne conviennent pas",
		"vauclair..fr":                   "caractères qui ne conviennent pas",
		"-vauclair.fr":                   "caractères qui ne conviennent pas",
		"vauclair.fr:http":               "caractères qui ne conviennent pas",
		strings.Repeat("a.", 116) + "fr": "caractères qui ne conviennent pas",
	} {
		got := b.submit(p, "adresse", address)
		got.at(t, 422, "/installation/adresse")
		got.says(t, problem, `aria-invalid="true"`, "<title>Erreur")
	}
	for _, address := range []string{"localhost", "vauclair.fr", "MATRIX.Vauclair.fr:8448", "http://vauclair.fr/"} {
		b.submit(p, "adresse", address).at(t, 200, "/installation/administrateur")
	}
}

func TestPasswords(t *testing.T) {
	i := install(t)
	b := i.browser()
	p := b.submit(b.enter(), "commune", "Vauclair")
	p = b.submit(p, "adresse", "vauclair.fr")
	p = b.submit(p, "nom", "Claire")
	for password, says := range map[string][]string{
		"":                              {"Choisissez un mot de passe"},
		"Court-1":                       {"il a 7 caractères, il en faut au moins 12"},
		"motdepasse":                    {"au moins 12", "une lettre majuscule", "un chiffre", "un signe de ponctuation"},
		"Abcdefghij12":                  {"il en faut au moins 14", "un signe de ponctuation"},
		"aaaaaaaaaaaaaaaa":              {"une lettre majuscule", "un chiffre", "un signe de ponctuation"},
		"le chat le chat le chat le":    {"une lettre majuscule", "un chiffre"},
		"a b c d e f g h i j":           {"une lettre majuscule", "un chiffre"},
		strings.Repeat("Aa1!", 200):     {"trop long"},
		"ABCDEFGHIJ-KLMNOP-QRSTU-VWXYZ": {"une lettre minuscule", "un chiffre"},
	} {
		got := b.submit(p, "identifiant", "claire", "mot_de_passe", password, "encore", password)
		got.at(t, 422, "/installation/compte")
		got.says(t, append(says, `value="claire"`)...)
		if password != "" {
			got.saysNot(t, `value="`+password)
		}
	}
	differs := b.submit(p, "identifiant", "claire", "mot_de_passe", goodPassword, "encore", goodPassword+"x")
	differs.at(t, 422, "/installation/compte")
	differs.says(t, "ne sont pas les mêmes")
	for _, password := range []string{"Abcdefghi-12", "Abcdefghijkl12", "abcdefghijk-12", "le chat dort sous la table bleue", "École-Été-2026"} {
		b.submit(p, "identifiant", "claire", "mot_de_passe", password, "encore", password).at(t, 200, "/installation/fiche")
	}
	// a bad one afterwards does not leave the good one in force
	b.submit(p, "identifiant", "claire", "mot_de_passe", "court", "encore", "court").at(t, 422, "/installation/compte")
	b.get("/installation/fiche").at(t, 200, "/installation/compte")
}

func TestIdentifiers(t *testing.T) {
	i := install(t)
	b := i.browser()
	p := b.submit(b.enter(), "commune", "Vauclair")
	p = b.submit(p, "adresse", strings.Repeat("a.", 110)+"fr")
	for name, proposed := range map[string]string{
		"Claire Martin": "claire.martin", "Élodie Le Goff": "elodie.legoff", "Zoë O’Brien-Lœb": "zoe.obrien-loeb", "李明": "administrateur",
		"M. Dupont": "m.dupont", "Cher": "cher", strings.Repeat("a", 99): strings.Repeat("a", 60),
	} {
		b.submit(page{path: "/installation/administrateur", body: p.body}, "nom", name).says(t, `id="identifiant" name="identifiant" type="text" value="`+proposed+`"`)
	}
	compte := b.get("/installation/compte")
	for localpart, problem := range map[string]string{
		"": "Écrivez un identifiant", "claire martin": "que des minuscules", "_commune": "commence par une lettre", "@claire": "que des minuscules",
		"Mairie": "réservé au serveur", strings.Repeat("a", 61): "60 caractères au plus", strings.Repeat("a", 40): "trop longs ensemble",
	} {
		got := b.submit(compte, "identifiant", localpart, "mot_de_passe", goodPassword, "encore", goodPassword)
		got.at(t, 422, "/installation/compte")
		got.says(t, problem)
	}
}

// What people type is shown as text.
func TestInputIsEscaped(t *testing.T) {
	i := install(t)
	b := i.browser()
	r := b.form(b.enter(), "commune", `"><script>alert(1)</script>`)
	answer, err := b.http.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	raw := make([]byte, 1<<16)
	n, _ := answer.Body.Read(raw)
	if strings.Contains(string(raw[:n]), "<script") || !strings.Contains(string(raw[:n]), "&lt;script&gt;") {
		t.Error("not escaped")
	}
}

func TestEnglish(t *testing.T) {
	i := install(t)
	b := i.browser()
	p := b.get("/installation?langue=en")
	p.at(t, 200, "/installation")
	p.says(t, `lang="en"`, "Setup token")
	p = b.enter()
	p.says(t, "Step 1 of 5", "Name of the town", `href="/installation/commune?langue=fr"`)
	b.get("/installation/commune?langue=fr").says(t, "Étape 1 sur 5")
	b.get("/installation/commune?langue=de").says(t, "Étape 1 sur 5")
}

// With whom the messaging speaks is chosen on the page of the address; who chooses nothing speaks with all.
func TestWithWhomTheMessagingSpeaks(t *testing.T) {
	for chosen, want := range map[string]string{"": "open", "open": "open", "trusted": "trusted", "closed": "closed"} {
		i := install(t)
		b := i.browser()
		p := b.submit(b.enter(), "commune", "Mairie de Vauclair")
		p.says(t, "Avec qui la messagerie parle-t-elle", `value="open" checked`)
		wrong := b.submit(p, "adresse", "vauclair.fr", "autres", "half")
		wrong.at(t, 422, "/installation/adresse")
		wrong.says(t, "Choisissez avec qui la messagerie parle.")
		answers := []string{"adresse", "vauclair.fr"}
		if chosen != "" {
			answers = append(answers, "autres", chosen)
		}
		p = b.submit(wrong, answers...)
		p.at(t, 200, "/installation/administrateur")
		b.get("/installation/adresse").says(t, `value="`+want+`" checked`)
		p = b.submit(p, "nom", "Élodie Le Goff")
		p = b.submit(p, "identifiant", "elodie.legoff", "mot_de_passe", goodPassword, "encore", goodPassword)
		b.submit(p, typedBack(t, p)...)
		if len(i.founded) != 1 || i.founded[0].Mode != want {
			t.Errorf("%q: %+v", chosen, i.founded)
		}
	}
}
