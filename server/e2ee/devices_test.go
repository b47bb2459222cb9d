package e2ee_test

import (
	"crypto/rand"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"beffroi/server/accounts"
	"beffroi/server/e2ee"
	"beffroi/server/merr"
	"beffroi/server/notify"
	"beffroi/server/store"
	"beffroi/server/store/storetest"
)

// town is accounts with encryption following them, and alice's device A with keys.
type town struct {
	*testing.T
	db    *store.DB
	hub   *notify.Hub
	acc   *accounts.Service
	alice *accounts.Session
}

// masterKey is an Ed25519 public key in unpadded Base64.
const masterKey = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

func newTown(t *testing.T) town {
	t.Helper()
	w := town{T: t, db: storetest.Open(t).DB, hub: notify.New()}
	keys := e2ee.New(w.db, w.hub, time.Now, e2ee.Config{ServerName: "mairie.test", Log: zerolog.Nop()})
	cfg := accounts.Config{ServerName: "mairie.test", Password: accounts.Cost{MemoryKiB: 8, Iterations: 1, Threads: 1}}
	var err error
	w.acc, err = accounts.New(t.Context(), w.db, w.hub, cfg, time.Now, rand.Reader, keys)
	w.ok(err)
	grant, err := w.acc.Register(t.Context(), accounts.NewAccount{Localpart: "alice", Password: "secret"}, accounts.NewDevice{ID: "A"})
	w.ok(err)
	w.alice, err = w.acc.Authenticate(t.Context(), grant.AccessToken, "192.0.2.1:1")
	w.ok(err)
	w.ok(w.db.Write(t.Context(), func(tx *store.Tx) error {
		if err := tx.PutCrossSigningKey(w.alice.User, store.UsageMaster, []byte(`{"keys":{"ed25519:`+masterKey+`":"`+masterKey+`"}}`)); err != nil {
			return err
		}
		if _, err := tx.PutDeviceKeys(w.alice.User, "A", []byte(`{"device_id":"A"}`)); err != nil {
			return err
		}
		return tx.AddOneTimeKey(w.alice.Device, 1, store.OneTimeKey{Algorithm: "signed_curve25519", KeyID: "AAAA", JSON: []byte(`{}`)})
	}))
	return w
}

func (w town) ok(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

func TestKeysGoWithTheirDevice(t *testing.T) {
	w := newTown(t)
	waiter := w.hub.Wait(int64(w.alice.User))
	defer w.hub.Done(waiter)
	w.ok(w.acc.Logout(t.Context(), w.alice))
	select {
	case <-waiter.C:
	default:
		t.Error("nobody was woken")
	}
	w.ok(w.db.Read(t.Context(), func(r *store.Reader) error {
		keys, err := r.DeviceKeys(w.alice.User, "A")
		if keys != nil || err != nil {
			t.Error("device keys:", string(keys), err)
		}
		counts, err := r.OneTimeKeyCounts(w.alice.Device)
		if len(counts) != 0 {
			t.Error("one-time keys:", counts)
		}
		return err
	}))
}

// A device without keys is in nobody's list; its owner's requests that wait look whether they still may.
func TestADeviceWithoutKeysIsNoNewsForOthers(t *testing.T) {
	w := newTown(t)
	_, err := w.acc.Login(t.Context(), "alice", "secret", accounts.NewDevice{ID: "B"})
	w.ok(err)
	waiter := w.hub.Wait(int64(w.alice.User))
	defer w.hub.Done(waiter)
	before := w.db.Visible()
	w.ok(w.acc.DeleteDevices(t.Context(), w.alice.User, []string{"B"}))
	select {
	case <-waiter.C:
	default:
		t.Error("its owner is not woken")
	}
	if w.db.Visible() != before {
		t.Error("the device list moved")
	}
}

func TestACrossSigningKeyIsNoDeviceID(t *testing.T) {
	w := newTown(t)
	_, err := w.acc.Login(t.Context(), "alice", "secret", accounts.NewDevice{ID: masterKey})
	if !merr.Is(err, "M_FORBIDDEN") {
		t.Fatal(err)
	}
}
