package backup

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"filippo.io/age"
)

// recipients parses those that were given, or else those that the server knows.
func recipients(given []string, stored string) ([]age.Recipient, error) {
	if len(given) == 0 {
		given = strings.Fields(stored)
	}
	if len(given) == 0 {
		return nil, errors.New("ce serveur n'a pas encore de clé de sauvegarde : indiquez --recipient age1…")
	}
	list := make([]age.Recipient, len(given))
	for i, text := range given {
		parsed, err := age.ParseRecipients(strings.NewReader(text))
		if err != nil || len(parsed) != 1 {
			return nil, fmt.Errorf("%q n'est pas une clé publique de sauvegarde (age1…)", text)
		}
		list[i] = parsed[0]
	}
	return list, nil
}

// identities reads a file of identities, as age-keygen writes it.
func identities(path string) ([]age.Identity, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("la clé de récupération ne peut pas être lue : %w", err)
	}
	defer f.Close()
	list, err := age.ParseIdentities(f)
	if err != nil {
		return nil, fmt.Errorf("%s : ce fichier ne contient pas de clé de récupération (AGE-SECRET-KEY-…)", path)
	}
	return list, nil
}

// remembering notes the file key that it wraps, which is gone with this process.
type remembering struct {
	age.Recipient
	key *[]byte
}

func (r *remembering) Wrap(fileKey []byte) ([]*age.Stanza, error) {
	*r.key = append([]byte{}, fileKey...)
	return r.Recipient.Wrap(fileKey)
}

func (r *remembering) WrapWithLabels(fileKey []byte) ([]*age.Stanza, []string, error) {
	*r.key = append([]byte{}, fileKey...)
	if labelled, ok := r.Recipient.(age.RecipientWithLabels); ok {
		return labelled.WrapWithLabels(fileKey)
	}
	stanzas, err := r.Recipient.Wrap(fileKey)
	return stanzas, nil, err
}
