package scrub_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"beffroi/server/journal"
	"beffroi/server/scrub"
	"beffroi/server/store"
)

// found is the finding of a kind about a table; the test ends where there is none.
func found(t *testing.T, r scrub.Report, kind scrub.Kind, table string) scrub.Finding {
	t.Helper()
	for _, f := range r.Findings {
		if f.Kind == kind && f.Table == table {
			return f
		}
	}
	t.Fatalf("no %s of %s in:\n%s", kind, table, sentences(r))
	return scrub.Finding{}
}

func says(t *testing.T, f scrub.Finding, words ...string) {
	t.Helper()
	for _, w := range words {
		if !strings.Contains(f.Sentence(), w) {
			t.Errorf("%q lacks %q", f.Sentence(), w)
		}
	}
}

// One bit of an event's row: in what was said, in a hash, in the signature, in the id beside the bytes; of a redacted event; in what many share.
func TestAFlippedBitInAnEvent(t *testing.T) {
	for name, c := range map[string]struct {
		where string // which event
		at    func(json []byte) int
	}{
		"in the content of a message": {`redacted_by IS NULL AND state_key IS NULL`, func(b []byte) int { return len(b) - 5 }},
		"in a message's binary part":  {`redacted_by IS NULL AND state_key IS NULL`, func(b []byte) int { return 30 }},
		"in a state event's hash":     {`type = 9`, func(b []byte) int { return bytes.Index(b, []byte(`"sha256":"`)) + 15 }},
		"in a state event's signature": {`type = 9`, func(b []byte) int {
			return bytes.Index(b, []byte(`"ed25519:`)) + 40
		}},
		"in a redacted event": {`redacted_by IS NOT NULL`, func(b []byte) int { return bytes.Index(b, []byte(`"depth":`)) + 8 }},
	} {
		t.Run(name, func(t *testing.T) {
			dir := used(t)
			nid := query[int64](t, dir, `SELECT max(nid) FROM event WHERE `+c.where)
			json := query[[]byte](t, dir, `SELECT json FROM event WHERE nid = ?`, nid)
			id := store.EventIDText(query[[]byte](t, dir, `SELECT event_id FROM event WHERE nid = ?`, nid))
			json[c.at(json)] ^= 1
			change(t, dir, `UPDATE event SET json = ? WHERE nid = ?`, json, nid)
			f := found(t, look(t, dir), scrub.EventAltered, "event")
			says(t, f, "Conseil municipal", "abîmé", " du ")
			if f.Count != 1 || !slices.Equal(f.EventIDs, []string{id}) {
				t.Errorf("%+v, want %s", f, id)
			}
		})
	}
}

// Without a checksum, as in a database that was filled before there were any, hashes and ids find what they cover.
func TestWithoutChecksumsTheHashesFind(t *testing.T) {
	dir := used(t)
	nid := query[int64](t, dir, `SELECT max(nid) FROM event WHERE type = 9`)
	change(t, dir, `UPDATE event SET sum = NULL`)
	change(t, dir, `UPDATE event SET json = CAST(replace(CAST(json AS TEXT), 'sujet', 'sujes') AS BLOB) WHERE nid = ?`, nid)
	f := found(t, look(t, dir), scrub.EventAltered, "event")
	if f.Count != 1 || !strings.Contains(f.Details[0], "content hash") {
		t.Errorf("%+v", f)
	}
}

// A column beside the bytes is not what the bytes say: nothing is lost.
func TestADamagedColumnOfAnEvent(t *testing.T) {
	for column, value := range map[string]string{"type": "type + 1", "sender": "type", "ts": "ts + 64", "state_key": "5", "room": "room + 1"} {
		t.Run(column, func(t *testing.T) {
			dir := used(t)
			change(t, dir, `UPDATE event SET `+column+` = `+value+` WHERE nid = (SELECT max(nid) FROM event WHERE state_key IS NULL)`)
			says(t, found(t, look(t, dir), scrub.EventRow, "event"), "classement", "intact")
		})
	}
}

// A row that names nothing, of each kind of reference.
func TestARowThatNamesNothing(t *testing.T) {
	slowly(t)
	last := `(SELECT max(nid) FROM event WHERE state_key IS NULL AND redacted_by IS NULL)`
	for name, c := range map[string]struct{ sql, table string }{
		"event → room":                  {`UPDATE event SET room = 4000 WHERE nid = ` + last, "event"},
		"event → atom":                  {`UPDATE event SET type = 900000 WHERE nid = ` + last, "event"},
		"event → state group":           {`UPDATE event SET state = 900000 WHERE nid = ` + last, "event"},
		"event → replaced":              {`UPDATE event SET replaces = 5000000 WHERE nid = ` + last, "event"},
		"event → redaction":             {`UPDATE event SET redacted_by = 5000000 WHERE redacted_by IS NOT NULL`, "event"},
		"event → timeline":              {`DELETE FROM timeline WHERE nid = ` + last, "event"},
		"event → its state":             {`DELETE FROM state_delta WHERE rowid IS NULL OR nid = (SELECT max(nid) FROM event WHERE type = 9)`, "event"},
		"event → frame":                 {`UPDATE event SET frame = 999 WHERE nid = ` + last, "event"},
		"timeline → event":              {`DELETE FROM event WHERE nid = ` + last, "timeline"},
		"timeline → sender":             {`UPDATE timeline SET sender = 5 WHERE nid = ` + last, "timeline"},
		"timeline → thread":             {`UPDATE timeline SET thread = 5000000 WHERE thread <> 0`, "timeline"},
		"transaction id → event":        {`UPDATE txn SET txn_id = 'x' WHERE nid = ` + last, "txn"},
		"state group → the one before":  {`DELETE FROM state_group WHERE id = 5`, "state_group"},
		"state delta → event":           {`UPDATE state_delta SET nid = 5 WHERE state_group = 7`, "state_delta"},
		"state delta → another's event": {`UPDATE state_delta SET state_key = 2 WHERE state_group = 7`, "state_delta"},
		"current state → event":         {`UPDATE current_state SET nid = 5 WHERE type = 9`, "current_state"},
		"current state → member":        {`DELETE FROM member WHERE rowid IS NULL OR user = (SELECT min(user) FROM member)`, "current_state"},
		"state change → event":          {`UPDATE state_change SET old = 5 WHERE type = 9`, "state_change"},
		"member → event":                {`UPDATE member SET nid = 5`, "member"},
		"receipt → event":               {`UPDATE receipt SET event_id = '$nothing'`, "receipt"},
		"receipt → its place":           {`UPDATE receipt SET ord = ord + 1`, "receipt"},
		"extremity → event":             {`INSERT INTO extremity VALUES (1, 5000000)`, "extremity"},
		"profile → user":                {`UPDATE profile SET user = 900000`, "profile"},
		"device → user":                 {`UPDATE device SET user = 900000`, "device"},
		"to-device → device":            {`UPDATE to_device SET device = 900000`, "to_device"},
		"account data → room":           {`UPDATE account_data SET room = 4000`, "account_data"},
		"session → key backup":          {`DELETE FROM key_backup`, "key_backup_session"},
		"media → user":                  {`UPDATE media SET uploader = 900000`, "media"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := used(t)
			change(t, dir, strings.ReplaceAll(c.sql, "rowid IS NULL OR ", ""))
			f := found(t, look(t, dir), scrub.Reference, c.table)
			if f.Count == 0 || f.What == "" || len(f.Details) == 0 {
				t.Errorf("%+v", f)
			}
			t.Log(f.Sentence())
		})
	}
}

func TestCountsThatDoNotCount(t *testing.T) {
	slowly(t)
	for name, set := range map[string]string{"notify": "notify = notify + 1", "main": "notify_main = notify_main - 3", "position": "pos = 3"} {
		t.Run(name, func(t *testing.T) {
			dir := used(t)
			change(t, dir, `UPDATE timeline SET `+set+` WHERE (room, ord) = (SELECT room, ord - 20 FROM timeline ORDER BY ord DESC LIMIT 1)`)
			says(t, found(t, look(t, dir), scrub.Counts, "timeline"), "non lus", "Conseil municipal")
		})
	}
}

// What is silent elsewhere has a checksum.
func TestAlteredRows(t *testing.T) {
	slowly(t)
	for table, set := range map[string]string{
		"account_data": `content = CAST(replace(CAST(content AS TEXT), 'b', 'c') AS BLOB)`, "to_device": `json = CAST(replace(CAST(json AS TEXT), 'note', 'nose') AS BLOB)`,
		"key_backup_session": `first_message_index = first_message_index + 1`, "event_frame": `text = CAST(replace(CAST(text AS TEXT), 'sender', 'sendes') AS BLOB)`,
	} {
		t.Run(table, func(t *testing.T) {
			dir := used(t)
			change(t, dir, `UPDATE `+table+` SET `+set+` WHERE rowid = (SELECT max(rowid) FROM `+table+`)`)
			f := found(t, look(t, dir), scrub.RowAltered, table)
			says(t, f, "1 ", "abîmé")
		})
	}
}

func TestADamagedSigningKey(t *testing.T) {
	dir := used(t)
	seed := query[[]byte](t, dir, `SELECT seed FROM signing_key`)
	seed[7] ^= 8
	change(t, dir, `UPDATE signing_key SET seed = ?`, seed)
	says(t, found(t, look(t, dir), scrub.KeyAltered, "signing_key"), "clé de signature", "sauvegarde")
}

func TestFiles(t *testing.T) {
	dir := used(t)
	path := func(name string) string {
		sum := query[[]byte](t, dir, `SELECT sha256 FROM media WHERE file_name = ?`, name)
		return filepath.Join(dir, "media", fmt.Sprintf("%x", sum)[:2], fmt.Sprintf("%x", sum)[2:])
	}
	if err := os.Remove(path("plan3.txt")); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(path("plan4.txt"))
	if err != nil {
		t.Fatal(err)
	}
	b[100] ^= 4
	if err := errors.Join(os.WriteFile(path("plan4.txt"), b, 0o600), os.Truncate(path("plan5.txt"), 10)); err != nil {
		t.Fatal(err)
	}
	r := look(t, dir)
	says(t, found(t, r, scrub.MediaMissing, "media"), "« plan3.txt »", "disparu")
	says(t, found(t, r, scrub.MediaAltered, "media"), "« plan4.txt »", "abîmé")
	if len(r.Findings) != 3 {
		t.Error(sentences(r))
	}
}

// pages are the numbers of the pages of a table or an index, by kind.
func pages(t *testing.T, dir, name, kind string) (list []int64) {
	t.Helper()
	use1(t, dir, func(db *sqlDB) {
		rows, err := db.Query(`SELECT pageno FROM dbstat WHERE name = ? AND pagetype = ? ORDER BY path`, name, kind)
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		for rows.Next() {
			var page int64
			if err := rows.Scan(&page); err != nil {
				t.Fatal(err)
			}
			list = append(list, page)
		}
	})
	return list
}

// spoil overwrites a page.
func spoil(t *testing.T, dir string, page int64, zero bool) {
	patch(t, dir, func(b []byte) {
		size := int64(binary.BigEndian.Uint16(b[16:]))
		for i := (page - 1) * size; i < page*size; i++ {
			if b[i] = byte(i*7 + 3); zero {
				b[i] = 0
			}
		}
	})
}

// A whole page of each kind, overwritten or zeroed.
func TestASpoiledPage(t *testing.T) {
	slowly(t)
	for _, c := range []struct {
		name, kind string
		want       scrub.Kind
		table      string
		words      []string
	}{
		{"event", "leaf", scrub.EventUnreadable, "event", []string{"Conseil municipal", "illisible", "message", " du "}},
		{"event", "internal", scrub.EventUnreadable, "event", []string{"illisible"}},
		{"event_id", "leaf", scrub.Index, "event", []string{"index", "rien n'y est perdu"}},
		{"event_id", "internal", scrub.Index, "event", []string{"index"}},
		{"timeline", "leaf", scrub.RowsUnreadable, "timeline", []string{"places de messages", "llisible"}},
		{"timeline", "internal", scrub.RowsUnreadable, "timeline", []string{"places de messages"}},
		{"state_delta", "leaf", scrub.RowsUnreadable, "state_delta", []string{"réglages passés"}},
		{"member_user", "leaf", scrub.Index, "member", []string{"index"}},
		{"account_data", "leaf", scrub.RowsUnreadable, "account_data", []string{"réglages personnels"}},
		{"key_backup_session", "leaf", scrub.RowsUnreadable, "key_backup_session", []string{"clés de messages sauvegardées"}},
		{"atom", "leaf", scrub.RowsUnreadable, "atom", []string{"noms"}},
		{"media", "leaf", scrub.RowsUnreadable, "media", []string{"fiches de fichiers"}},
		{"txn", "leaf", scrub.RowsUnreadable, "txn", nil},
		{"delayed_event_due", "leaf", scrub.Structure, "delayed_event", []string{"abîmée sur le disque"}}, // its entries are computed
	} {
		for _, zero := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s %s zeroed=%v", c.name, c.kind, zero), func(t *testing.T) {
				dir := used(t)
				list := pages(t, dir, c.name, c.kind)
				if len(list) == 0 {
					t.Fatal("no such page")
				}
				spoil(t, dir, list[len(list)/2], zero)
				r := look(t, dir)
				f := found(t, r, c.want, c.table)
				says(t, f, c.words...)
				if testing.Verbose() {
					t.Log(sentences(r))
				}
			})
		}
	}
}

// The rows around a spoiled page are still looked at: of a hundred and fifty messages those of one page are lost, and each is named.
func TestTheRowsAroundASpoiledPageAreRead(t *testing.T) {
	dir := used(t)
	whole := look(t, dir)
	list := pages(t, dir, "event", "leaf")
	spoil(t, dir, list[len(list)/2], false)
	spoil(t, dir, list[len(list)/2+3], true)
	spoil(t, dir, list[len(list)/2+4], true)
	r := look(t, dir)
	var lost int64
	for _, f := range r.Findings {
		if f.Kind == scrub.EventUnreadable {
			lost += f.Count
			if int(f.Count) != len(f.EventIDs) {
				t.Errorf("%+v", f)
			}
		}
	}
	if lost == 0 || r.Events+lost != whole.Events {
		t.Errorf("%d events of %d were read, %d are lost\n%s", r.Events, whole.Events, lost, sentences(r))
	}
}

// The first page: nothing can be read.
func TestASpoiledFirstPage(t *testing.T) {
	dir := used(t)
	patch(t, dir, func(b []byte) {
		for i := 100; i < 1024; i++ {
			b[i] = 0xee
		}
	})
	says(t, found(t, look(t, dir), scrub.Unreadable, ""), "illisible", "sauvegarde")
}

// A row of the journal is held by its hash and by those after it.
func TestAnActThatWasChangedAfterwards(t *testing.T) {
	dir := used(t)
	at := time.Date(2026, 11, 23, 9, 5, 0, 0, time.UTC)
	db, err := store.Open(t.Context(), filepath.Join(dir, store.FileName), zerolog.Nop())
	if err != nil {
		t.Fatal(err)
	}
	acts := journal.New(db, func() time.Time { return at }, zerolog.Nop())
	for _, who := range []string{"@karim:mairie.test", "@jeanne:mairie.test", "@paul:mairie.test"} {
		if _, err := acts.Record(t.Context(), journal.Entry{Actor: "@claire:mairie.test", Act: journal.LockUser, Target: who}); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if r := look(t, dir); len(r.Findings) > 0 {
		t.Fatal(sentences(r))
	}
	change(t, dir, `UPDATE journal SET target = '@maire:mairie.test' WHERE seq = 2`)
	f := found(t, look(t, dir), scrub.RowAltered, "journal")
	says(t, f, "1 ligne du journal d'administration est abîmée")
}
