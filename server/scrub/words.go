package scrub

import (
	"fmt"
	"strings"
	"time"
)

// Sentence says, in French, what a finding means for people.
func (f Finding) Sentence() string {
	return f.sentence() + f.fetched()
}

func (f Finding) sentence() string {
	switch f.Kind {
	case Unreadable:
		return "La base de données est illisible : il faut remettre une sauvegarde en place."
	case Missing:
		return f.missing()
	case EventUnreadable:
		return f.event().counted(f.Count) + f.where() + f.event().are(f.Count, "illisible") + "."
	case EventAltered:
		return f.event().counted(f.Count) + f.where() + f.event().are(f.Count, "abîmé") + " : le contenu n'est plus celui qui a été envoyé."
	case EventRow:
		return "Le classement de " + f.event().counted(f.Count) + f.where() + " est abîmé ; le contenu est intact."
	case MediaMissing:
		return f.file() + plural(f.Count, " a disparu.", " ont disparu.")
	case MediaAltered:
		return f.file() + plural(f.Count, " est abîmé.", " sont abîmés.")
	case KeyAltered:
		return "La clé de signature du serveur est abîmée : il faut remettre une sauvegarde en place."
	case RowsUnreadable, RowAltered:
		return f.rows()
	}
	return f.inner()
}

// inner says what concerns the database more than what people wrote.
func (f Finding) inner() string {
	noun := nounOf(f.Table)
	switch f.Kind {
	case Reference:
		if f.Table == "timeline" {
			return f.event().counted(f.Count) + f.where() + plural(f.Count, " a disparu ou est mal classé.", " ont disparu ou sont mal classés.")
		}
		return noun.counted(f.Count) + f.where() + plural(f.Count, " désigne", " désignent") + " quelque chose qui n'existe plus (" + f.What + ")."
	case Counts:
		return "Les compteurs de messages non lus" + f.where() + " sont faux."
	case Index:
		return "Un index est abîmé (" + noun.many + ") : rien n'y est perdu, mais des recherches peuvent échouer."
	}
	switch f.Table {
	case "sqlite_schema":
		return "Le sommaire ou les pages libres de la base de données sont abîmés."
	case "high-water":
		return "Le repère « high-water » est abîmé : on ne peut pas savoir si la fin de la base manque."
	}
	return "La base de données est abîmée sur le disque, là où sont rangés : " + noun.many + "."
}

// missing says what lies below the high-water mark.
func (f Finding) missing() string {
	when := "avant le " + moment(f.Until)
	if !f.Since.IsZero() {
		when = "entre le " + moment(f.Since) + " et le " + moment(f.Until)
	}
	if f.Count == 0 {
		return "Des changements enregistrés " + when + " manquent ; aucun message n'est perdu. " + whyMissing
	}
	return "Environ " + nounOf("event").counted(f.Count) + plural(f.Count, " accepté ", " acceptés ") + when + plural(f.Count, " manque. ", " manquent. ") + whyMissing
}

const whyMissing = "La fin du journal de la base a été perdue, ou une ancienne copie de la base a été remise en place."

// MissingSentence says what a database lacked when it was opened.
func MissingSentence(events int64, from, to time.Time) string {
	return Finding{Kind: Missing, Count: events, Since: from, Until: to}.Sentence()
}

// where names the room and the day, as far as they are known.
func (f Finding) where() (words string) {
	switch {
	case f.RoomName != "":
		words = " du salon « " + f.RoomName + " »"
	case f.RoomID != "":
		words = " de la conversation " + f.RoomID
	}
	return words + f.of()
}

// of names the day.
func (f Finding) of() string {
	if t, err := time.ParseInLocation(time.DateOnly, f.Day, time.Local); err == nil {
		return " du " + date(t)
	}
	return ""
}

func (f Finding) event() noun {
	if f.State {
		return noun{"réglage ou adhésion", "réglages ou adhésions", ""}
	}
	return nounOf("event")
}

func (f Finding) file() string {
	name := ""
	if f.What != "" {
		name = " « " + f.What + " »"
	}
	if f.Count == 1 {
		return "Le fichier" + name + f.of()
	}
	return noun{"fichier", "fichiers", ""}.counted(f.Count) + name + f.of()
}

// rows says which rows can't be read, or are not what was written.
func (f Finding) rows() string {
	noun, adjective := nounOf(f.Table), "illisible"
	if f.Kind == RowAltered {
		adjective = "abîmé"
	}
	if f.Count == 0 {
		return "Illisibles, en nombre inconnu : " + noun.many + "."
	}
	return noun.counted(f.Count) + noun.are(f.Count, adjective) + "."
}

func (f Finding) fetched() string {
	if f.Fetched == 0 {
		return ""
	}
	return fmt.Sprintf(" D'autres serveurs en ont redonné %d.", f.Fetched)
}

// noun is what a table keeps, for people.
type noun struct {
	one, many string
	feminine  string // "e" or ""
}

func (n noun) counted(count int64) string {
	return fmt.Sprintf("%d ", count) + plural(count, n.one, n.many)
}

// are is " est abîmée", " sont abîmés".
func (n noun) are(count int64, adjective string) string {
	if strings.HasSuffix(adjective, "é") {
		adjective += n.feminine
	}
	return plural(count, " est "+adjective, " sont "+adjective+"s")
}

func plural(count int64, one, many string) string {
	if count == 1 {
		return one
	}
	return many
}

var nouns = map[string]noun{
	"event":              {"message", "messages", ""},
	"timeline":           {"place de message", "places de messages", "e"},
	"event_frame":        {"en-tête de messages", "en-têtes de messages", ""},
	"account":            {"compte", "comptes", ""},
	"profile":            {"élément de profil", "éléments de profil", ""},
	"device":             {"appareil", "appareils", ""},
	"account_data":       {"réglage personnel", "réglages personnels", ""},
	"room":               {"salon", "salons", ""},
	"member":             {"participation à un salon", "participations à des salons", "e"},
	"receipt":            {"accusé de lecture", "accusés de lecture", ""},
	"to_device":          {"message entre appareils", "messages entre appareils", ""},
	"pusher":             {"abonnement aux notifications", "abonnements aux notifications", ""},
	"delayed_event":      {"envoi différé", "envois différés", ""},
	"dehydrated_device":  {"appareil en sommeil", "appareils en sommeil", ""},
	"device_keys":        {"clé d'appareil", "clés d'appareil", "e"},
	"cross_signing_key":  {"clé de signature croisée", "clés de signature croisée", "e"},
	"key_signature":      {"signature de clé", "signatures de clés", "e"},
	"one_time_key":       {"clé à usage unique", "clés à usage unique", "e"},
	"fallback_key":       {"clé de secours", "clés de secours", "e"},
	"key_backup":         {"sauvegarde de clés", "sauvegardes de clés", "e"},
	"key_backup_session": {"clé de messages sauvegardée", "clés de messages sauvegardées", "e"},
	"media":              {"fiche de fichier", "fiches de fichiers", "e"},
	"media_pending":      {"fichier attendu", "fichiers attendus", ""},
	"media_quarantine":   {"blocage de fichier", "blocages de fichiers", ""},
	"remote_media":       {"copie de fichier d'un autre serveur", "copies de fichiers d'autres serveurs", "e"},
	"url_preview":        {"aperçu de page", "aperçus de pages", ""},
	"signing_key":        {"clé de signature du serveur", "clés de signature du serveur", "e"},
	"room_server":        {"trace d'un autre serveur dans un salon", "traces d'autres serveurs dans les salons", "e"},
	"outgoing":           {"envoi à d'autres serveurs", "envois à d'autres serveurs", ""},
	"outgoing_edu":       {"envoi à un autre serveur", "envois à un autre serveur", ""},
	"destination":        {"état d'un autre serveur", "états d'autres serveurs", ""},
	"incoming_event":     {"message d'un autre serveur en attente", "messages d'autres serveurs en attente", ""},
	"trust_list":         {"liste de confiance", "listes de confiance", "e"},
	"trusted_server":     {"serveur de confiance", "serveurs de confiance", ""},
	"denied_server":      {"serveur écarté", "serveurs écartés", ""},
	"server_key":         {"clé de signature d'un autre serveur", "clés de signature d'autres serveurs", "e"},
	"current_state":      {"réglage actuel", "réglages actuels", ""},
	"state_delta":        {"réglage passé", "réglages passés", ""},
	"state_group":        {"état passé d'un salon", "états passés de salons", ""},
	"state_change":       {"changement de réglage", "changements de réglages", ""},
	"atom":               {"nom", "noms", ""},
	"meta":               {"donnée du serveur", "données du serveur", "e"},
	"journal":            {"ligne du journal d'administration", "lignes du journal d'administration", "e"},
	"alias":              {"adresse de salon", "adresses de salons", "e"},
}

func nounOf(table string) noun {
	if n, ok := nouns[table]; ok {
		return n
	}
	return noun{"ligne de la table " + table, "lignes de la table " + table, "e"}
}

var months = [...]string{"janvier", "février", "mars", "avril", "mai", "juin", "juillet", "août", "septembre", "octobre", "novembre", "décembre"}

func date(t time.Time) string {
	day := fmt.Sprint(t.Day())
	if t.Day() == 1 {
		day = "1er"
	}
	return fmt.Sprintf("%s %s %d", day, months[t.Month()-1], t.Year())
}

func moment(t time.Time) string {
	t = t.Local()
	return fmt.Sprintf("%s à %d h %02d", date(t), t.Hour(), t.Minute())
}
