package e2ee

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"beffroi/server/accounts"
	"beffroi/server/merr"
	"beffroi/server/notify"
	"beffroi/server/store"
	"beffroi/server/store/storetest"
)

// A key backup has a size, whatever its keys are; what would go beyond it changes nothing.
func TestAKeyBackupHasASize(t *testing.T) {
	db := storetest.Open(t).DB
	s := New(db, notify.New(), time.Now, Config{ServerName: "hs", Log: zerolog.Nop()})
	s.maxBackup = 1000
	alice := &accounts.Session{User: 1000}
	algorithm := "m.megolm_backup.v1.curve25519-aes-sha2"
	version, err := s.NewKeyBackup(t.Context(), alice, &KeyBackupInfo{Algorithm: &algorithm, AuthData: json.RawMessage(`{}`)})
	if err != nil {
		t.Fatal(err)
	}
	put := func(id string, index int64, size int) error {
		zero, verified := int64(0), false
		data := json.RawMessage(fmt.Sprintf(`{"c":%q}`, strings.Repeat("x", size-len(`{"c":""}`))))
		_, err := s.PutRoomKeys(t.Context(), alice, version, &RoomKeys{Rooms: map[string]*RoomSessions{"!r:hs": {
			Sessions: map[string]*BackupSession{id: {&index, &zero, &verified, data}}}}})
		return err
	}
	for _, c := range []struct {
		name  string
		index int64
		size  int
		fails bool
	}{
		{"a", 5, 600, false},
		{"b", 0, 401, true},
		{"b", 0, 400, false},
		{"a", 6, 900, false}, // worse than what is there: nothing happens
		{"a", 4, 601, true},
		{"a", 3, 100, false},
		{"c", 0, 500, false},
		{"d", 0, 10, true},
	} {
		if err := put(c.name, c.index, c.size); merr.Is(err, "M_TOO_LARGE") != c.fails || err != nil && !c.fails {
			t.Errorf("%+v: %v", c, err)
		}
	}
	state, err := s.DeleteRoomKeys(t.Context(), alice, version, store.BackupPart{RoomID: "!r:hs", SessionID: "c"})
	if err != nil || state.Count != 2 {
		t.Fatal(state, err)
	}
	if err := put("d", 0, 500); err != nil {
		t.Error("the room of a deleted key is not given back:", err)
	}
}
