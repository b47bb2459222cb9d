package clientapi

import (
	"context"
	"crypto/ed25519"
	"fmt"
	"testing"

	"beffroi/server/accounts"
	"beffroi/server/merr"
)

// identity is a user's cross-signing identity.
type identity struct {
	d                         *device
	master, selfSigning, user ed25519.PrivateKey
}

func (d *device) identity(name string) *identity {
	return &identity{d, newKey(d.UserID + name + "m"), newKey(d.UserID + name + "s"), newKey(d.UserID + name + "u")}
}

func (i *identity) key(usage string, key ed25519.PrivateKey) m {
	return m{"user_id": i.d.UserID, "usage": []string{usage}, "keys": m{"ed25519:" + public(key): public(key)}}
}

// upload is the body of /keys/device_signing/upload.
func (i *identity) upload() m {
	i.d.Helper()
	signed := func(usage string, key ed25519.PrivateKey) m {
		return i.d.sign(i.key(usage, key), i.d.UserID, "ed25519:"+public(i.master), i.master)
	}
	return m{"master_key": i.key("master", i.master), "self_signing_key": signed("self_signing", i.selfSigning), "user_signing_key": signed("user_signing", i.user)}
}

// made uploads a first identity.
func (d *device) made() *identity {
	d.Helper()
	i := d.identity("")
	d.post("/keys/device_signing/upload", i.upload()).ok()
	return i
}

const deviceSigning = "/keys/device_signing/upload"

func TestCrossSigningKeysAreSeenByThoseWhoMay(t *testing.T) {
	h := newHall(t)
	alice, bob := h.login("alice", "A"), h.login("bob", "B")
	i := alice.made()
	upload := i.upload()
	query := m{"device_keys": m{"@alice:hs": []string{}}}
	own, others := alice.post("/keys/query", query).ok(), bob.post("/keys/query", query).ok()
	for member, key := range map[string]string{"master_keys": "master_key", "self_signing_keys": "self_signing_key", "user_signing_keys": "user_signing_key"} {
		if got := own.at(member, "@alice:hs"); fmt.Sprint(got) != fmt.Sprint(upload[key]) {
			t.Errorf("%s: got %v, want %v", member, got, upload[key])
		}
		if got := others.at(member, "@alice:hs"); (got == nil) != (member == "user_signing_keys") {
			t.Errorf("others see %s: %v", member, got)
		}
	}
}

// Spec: client-server API, POST /keys/device_signing/upload, changed in v1.11.
func TestOnlyReplacingKeysNeedsAuthentication(t *testing.T) {
	h := newHall(t)
	alice := h.login("alice", "A")
	i := alice.made()
	before := h.db.Visible()
	alice.post(deviceSigning, i.upload()).ok()
	alice.post(deviceSigning, m{"master_key": i.upload()["master_key"]}).ok()
	if h.db.Visible() != before {
		t.Error("the same keys again are a change")
	}
	mixed := i.upload()
	renewed := *i
	renewed.selfSigning = newKey("another self-signing key")
	mixed["self_signing_key"] = renewed.upload()["self_signing_key"]
	for name, upload := range map[string]m{"another identity": alice.identity("other").upload(), "another self-signing key": mixed} {
		first := alice.post(deviceSigning, upload)
		if first.status != 401 || first.at("flows") == nil || first.at("errcode") != nil {
			t.Fatalf("%s: %d %s", name, first.status, first.body)
		}
		upload["auth"] = m{"type": "m.login.password", "session": first.at("session"), "identifier": m{"type": "m.id.user", "user": "alice"}, "password": "wrong"}
		if a := alice.post(deviceSigning, upload); a.status != 401 {
			t.Fatalf("%s with a wrong password: %d %s", name, a.status, a.body)
		}
	}
	query := m{"device_keys": m{"@alice:hs": []string{}}}
	if got := alice.post("/keys/query", query).ok().at("master_keys", "@alice:hs"); fmt.Sprint(got) != fmt.Sprint(i.upload()["master_key"]) {
		t.Errorf("a refused upload is stored: %v", got)
	}
}

// replace uploads another identity, with the password.
func (i *identity) replace(upload m) {
	i.d.Helper()
	session := i.d.post(deviceSigning, upload).at("session")
	upload["auth"] = m{"type": "m.login.password", "session": session, "identifier": m{"type": "m.id.user", "user": i.d.UserID}, "password": "pw alice"}
	i.d.post(deviceSigning, upload).ok()
}

func TestANewMasterKeyEndsWhatTheOldOneSigned(t *testing.T) {
	h := newHall(t)
	alice := h.login("alice", "A").uploadKeys()
	old := alice.made()
	signed := alice.sign(alice.keys(), alice.UserID, "ed25519:"+public(old.selfSigning), old.selfSigning)
	alice.post("/keys/signatures/upload", m{"@alice:hs": m{"A": signed}}).ok().is(`{}`, "failures")
	other := alice.identity("other")
	upload := other.upload()
	delete(upload, "user_signing_key")
	before := h.db.Visible()
	other.replace(upload)

	a := alice.post("/keys/query", m{"device_keys": m{"@alice:hs": []string{}}}).ok()
	a.is(`{}`, "user_signing_keys")
	if keys := a.at("self_signing_keys", "@alice:hs", "keys").(m); keys["ed25519:"+public(other.selfSigning)] == nil {
		t.Errorf("the self-signing key is %v", keys)
	}
	if signatures := a.at("device_keys", "@alice:hs", "A", "signatures", "@alice:hs").(m); len(signatures) != 1 {
		t.Errorf("the old key's signature is left: %v", signatures)
	}
	if got := alice.changedSince(before); got != "[@alice:hs]" {
		t.Errorf("others hear of %s", got)
	}
}

func TestADeviceCannotHaveTheIDOfAKey(t *testing.T) {
	h := newHall(t)
	i := h.login("alice", "A").made()
	_, err := h.api.Accounts.Login(context.Background(), "alice", "pw alice", accounts.NewDevice{ID: public(i.selfSigning)})
	if !merr.Is(err, "M_FORBIDDEN") {
		t.Errorf("logged in: %v", err)
	}
}

func TestCrossSigningKeysAreChecked(t *testing.T) {
	h := newHall(t)
	alice := h.login("alice", "A")
	i := alice.identity("")
	stranger := newKey("stranger")
	h.login("alice", public(stranger))
	with := func(change func(u m)) m {
		u := i.upload()
		change(u)
		return u
	}
	for name, c := range map[string]struct {
		body   m
		status int
		code   string
	}{
		"nothing":            {m{}, 400, "M_MISSING_PARAM"},
		"no master key":      {with(func(u m) { delete(u, "master_key") }), 400, "M_MISSING_PARAM"},
		"other user":         {with(func(u m) { u["master_key"].(m)["user_id"] = "@bob:hs" }), 400, "M_INVALID_PARAM"},
		"other usage":        {with(func(u m) { u["master_key"].(m)["usage"] = []string{"self_signing"} }), 400, "M_INVALID_PARAM"},
		"two usages":         {with(func(u m) { u["master_key"].(m)["usage"] = []string{"master", "self_signing"} }), 400, "M_INVALID_PARAM"},
		"usage a text":       {with(func(u m) { u["master_key"].(m)["usage"] = "master" }), 400, "M_BAD_JSON"},
		"no keys":            {with(func(u m) { u["master_key"].(m)["keys"] = m{} }), 400, "M_INVALID_PARAM"},
		"name is not key":    {with(func(u m) { u["master_key"].(m)["keys"] = m{"ed25519:x": public(i.master)} }), 400, "M_INVALID_PARAM"},
		"not Ed25519":        {with(func(u m) { u["master_key"].(m)["keys"] = m{"ed25519:QUJD": "QUJD"} }), 400, "M_INVALID_PARAM"},
		"key twice":          {with(func(u m) { i := *i; i.user = i.selfSigning; u["user_signing_key"] = i.upload()["user_signing_key"] }), 400, "M_INVALID_PARAM"},
		"not signed":         {with(func(u m) { delete(u["self_signing_key"].(m), "signatures") }), 400, "M_INVALID_SIGNATURE"},
		"signed by stranger": {with(func(u m) { i := *i; i.master = stranger; u["user_signing_key"] = i.upload()["user_signing_key"] }), 400, "M_INVALID_SIGNATURE"},
		"device id":          {with(func(u m) { u["master_key"] = i.key("master", stranger) }), 403, "M_FORBIDDEN"},
	} {
		if a := alice.post(deviceSigning, c.body); a.status != c.status || a.at("errcode") != any(c.code) {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
	query := alice.post("/keys/query", m{"device_keys": m{"@alice:hs": []string{}}}).ok()
	query.is(`{}`, "master_keys")
	query.is(`{}`, "self_signing_keys")
}

func TestSignaturesAreMerged(t *testing.T) {
	h := newHall(t)
	alice, bob, carol := h.login("alice", "A").uploadKeys(), h.login("bob", "B").uploadKeys(), h.login("carol", "C")
	mine, his := alice.made(), bob.made()
	sign := func(key m, keyID string, with ed25519.PrivateKey) m {
		return alice.sign(key, alice.UserID, keyID, with)
	}
	selfSigning, userSigning := "ed25519:"+public(mine.selfSigning), "ed25519:"+public(mine.user)

	before := h.db.Visible()
	a := alice.post("/keys/signatures/upload", m{
		"@alice:hs": m{
			"A":                 sign(alice.keys(), selfSigning, mine.selfSigning),
			public(mine.master): sign(mine.key("master", mine.master), "ed25519:A", alice.key),
			"GONE":              sign(alice.keys(), selfSigning, mine.selfSigning),
		},
		"@bob:hs": m{
			public(his.master): sign(his.key("master", his.master), userSigning, mine.user),
			"B":                sign(bob.keys(), selfSigning, mine.selfSigning),
		},
	}).ok()
	a.is(`"M_NOT_FOUND"`, "failures", "@alice:hs", "GONE", "errcode")
	a.is(`"M_NOT_FOUND"`, "failures", "@bob:hs", "B", "errcode")
	if got := a.at("failures", "@alice:hs").(m); len(got) != 1 {
		t.Errorf("failures: %v", got)
	}

	seen := func(d *device, path ...string) int {
		t.Helper()
		signatures, _ := d.post("/keys/query", m{"device_keys": m{"@alice:hs": []string{}, "@bob:hs": []string{}}}).ok().at(path...).(m)
		return len(signatures)
	}
	for name, c := range map[string]struct {
		got, want int
	}{
		"carol sees alice's device with both signatures": {seen(carol, "device_keys", "@alice:hs", "A", "signatures", "@alice:hs"), 2},
		"carol sees alice's device sign her master key":  {seen(carol, "master_keys", "@alice:hs", "signatures", "@alice:hs"), 1},
		"alice sees her signature on bob":                {seen(alice, "master_keys", "@bob:hs", "signatures", "@alice:hs"), 1},
		"bob does not":                                   {seen(bob, "master_keys", "@bob:hs", "signatures", "@alice:hs"), 0},
		"carol does not":                                 {seen(carol, "master_keys", "@bob:hs", "signatures", "@alice:hs"), 0},
	} {
		if c.got != c.want {
			t.Errorf("%s: %d, want %d", name, c.got, c.want)
		}
	}
	if got := alice.changedSince(before); got != "[@alice:hs @bob:hs]" {
		t.Errorf("alice's other devices hear of %s", got)
	}
	if got := bob.changedSince(before); got != "[]" {
		t.Errorf("bob hears of %s", got)
	}
	before = h.db.Visible()
	carols := carol.made()
	alice.post("/keys/signatures/upload", m{"@carol:hs": m{public(carols.master): sign(carols.key("master", carols.master), userSigning, mine.user)}}).ok()
	if got := alice.changedSince(before); got != "[@carol:hs]" {
		t.Errorf("a signature on carol's key is no change of alice's: %s", got)
	}
}

func TestWrongSignaturesAreFailures(t *testing.T) {
	h := newHall(t)
	alice, bob := h.login("alice", "A").uploadKeys(), h.login("bob", "B")
	mine, his := alice.made(), bob.made()
	stranger := newKey("stranger")
	for name, c := range map[string]struct {
		user, id string
		key      any
		code     string
	}{
		"wrong signature":        {"@alice:hs", "A", alice.sign(alice.keys(), "@alice:hs", "ed25519:"+public(mine.selfSigning), stranger), "M_INVALID_SIGNATURE"},
		"by a stranger":          {"@alice:hs", "A", alice.sign(alice.keys(), "@alice:hs", "ed25519:"+public(stranger), stranger), "M_INVALID_SIGNATURE"},
		"by the user-signing":    {"@alice:hs", "A", alice.sign(alice.keys(), "@alice:hs", "ed25519:"+public(mine.user), mine.user), "M_INVALID_SIGNATURE"},
		"in another key's name":  {"@alice:hs", "A", alice.sign(alice.keys(), "@alice:hs", "ed25519:"+public(stranger), mine.selfSigning), "M_INVALID_SIGNATURE"},
		"by nobody":              {"@alice:hs", "A", m{"user_id": "@alice:hs", "device_id": "A", "algorithms": alice.keys()["algorithms"], "keys": alice.keys()["keys"]}, "M_INVALID_SIGNATURE"},
		"other content":          {"@alice:hs", "A", alice.sign(m{"user_id": "@alice:hs", "device_id": "A"}, "@alice:hs", "ed25519:"+public(mine.selfSigning), mine.selfSigning), "M_INVALID_PARAM"},
		"bob's by self-signing":  {"@bob:hs", public(his.master), alice.sign(his.key("master", his.master), "@alice:hs", "ed25519:"+public(mine.selfSigning), mine.selfSigning), "M_INVALID_SIGNATURE"},
		"bob's in bob's name":    {"@bob:hs", public(his.master), alice.sign(his.key("master", his.master), "@bob:hs", "ed25519:"+public(his.user), his.user), "M_INVALID_SIGNATURE"},
		"bob's self-signing key": {"@bob:hs", public(his.selfSigning), alice.sign(his.key("self_signing", his.selfSigning), "@alice:hs", "ed25519:"+public(mine.user), mine.user), "M_NOT_FOUND"},
		"unknown user":           {"@nobody:hs", "X", m{}, "M_NOT_FOUND"},
		"not an object":          {"@alice:hs", "A", 1, "M_BAD_JSON"},
	} {
		a := alice.post("/keys/signatures/upload", m{c.user: m{c.id: c.key}}).ok()
		if got := a.at("failures", c.user, c.id, "errcode"); got != any(c.code) {
			t.Errorf("%s: %s", name, a.body)
		}
	}
	alice.post("/keys/signatures/upload", m{"@alice:hs": []int{}}).fails(400, "M_BAD_JSON")
}

func TestNewKeysLoseOldSignatures(t *testing.T) {
	h := newHall(t)
	alice := h.login("alice", "A").uploadKeys()
	mine := alice.made()
	signed := alice.sign(alice.keys(), alice.UserID, "ed25519:"+public(mine.selfSigning), mine.selfSigning)
	alice.post("/keys/signatures/upload", m{"@alice:hs": m{"A": signed}}).ok().is(`{}`, "failures")
	count := func() int {
		a := alice.post("/keys/query", m{"device_keys": m{"@alice:hs": []string{}}}).ok()
		return len(a.at("device_keys", "@alice:hs", "A", "signatures", "@alice:hs").(m))
	}
	if count() != 2 {
		t.Fatal("the signature is missing")
	}
	alice.key = newKey("new device key")
	alice.uploadKeys()
	if count() != 1 {
		t.Error("a signature of the old key is on the new one")
	}
}

// changedSince gives device_lists.changed.
func (d *device) changedSince(pos int64) string {
	d.Helper()
	return fmt.Sprint(d.lists(pos).Changed)
}
