package backup

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"beffroi/backup/archive"
)

// Contents says, in French, what is in a backup.
func Contents(m archive.Manifest) string {
	rows := map[string]int64{}
	for _, t := range m.Tables {
		rows[t.Name] = t.Rows
	}
	return fmt.Sprintf("Serveur %s, état du %s (UTC)\nComptes : %d · appareils : %d · salons et conversations : %d · événements : %d · fichiers : %d (%s)\n",
		m.ServerName, time.UnixMilli(m.Created).UTC().Format("02/01/2006 à 15:04:05"),
		rows["account"], rows["device"], rows["room"], rows["event"], m.Media.Files, Size(m.Media.Bytes))
}

// Incomplete is the error of a backup that lacks files which the server had lost; nil where it is whole.
func Incomplete(m archive.Manifest) error {
	if m.Media.Missing == 0 {
		return nil
	}
	return fmt.Errorf("%d fichier(s) envoyé(s) par les utilisateurs manquaient ou étaient abîmés sur le serveur : ils ne sont pas dans cette sauvegarde", m.Media.Missing)
}

// Size is a number of bytes for people.
func Size(n int64) string {
	for i, unit := range []string{"octets", "ko", "Mo", "Go"} {
		scale := int64(1) << (10 * i)
		if n < scale<<10 || i == 3 {
			text := strconv.FormatFloat(float64(n)/float64(scale), 'f', min(i, 1), 64)
			return strings.Replace(text, ".", ",", 1) + " " + unit
		}
	}
	return ""
}
