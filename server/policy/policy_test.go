package policy_test

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"beffroi/server/journal"
	"beffroi/server/merr"
	"beffroi/server/pdu"
	"beffroi/server/policy"
	"beffroi/server/store"
	"beffroi/server/store/storetest"

	"github.com/rs/zerolog"
)

type m = map[string]any

// world is a policy with a place from which it fetches lists.
type world struct {
	*policy.Service
	db      *storetest.File
	clock   time.Time
	address string

	mu     sync.Mutex
	list   []byte // nil: 500
	served int
	client *http.Client
}

func newWorld(t *testing.T, mode policy.Mode) *world {
	t.Helper()
	w := &world{db: storetest.Open(t), clock: time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)}
	s := httptest.NewTLSServer(w)
	t.Cleanup(s.Close)
	w.address, w.client = s.URL+"/liste.json", s.Client()
	w.restart(t, mode)
	return w
}

// restart reads the policy from the database again.
func (w *world) restart(t *testing.T, mode policy.Mode) {
	t.Helper()
	var err error
	w.Service, err = policy.New(t.Context(), w.db.DB, func() time.Time { return w.clock }, policy.Config{ServerName: "hs.fr", Mode: mode, Client: w.client, Log: zerolog.Nop()})
	if err != nil {
		t.Fatal(err)
	}
}

func (w *world) ServeHTTP(rw http.ResponseWriter, _ *http.Request) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.served++
	if w.list == nil {
		rw.WriteHeader(http.StatusInternalServerError)
		return
	}
	_, _ = rw.Write(w.list)
}

func (w *world) serve(b []byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.list = b
}

func (w *world) after(d time.Duration) int64 { return store.Millis(w.clock.Add(d)) }

// key is a key that is always the same.
func key(name string) policy.SigningKey {
	seed := sha256.Sum256([]byte(name))
	return policy.SigningKey{ID: "ed25519:" + name, Key: ed25519.NewKeyFromSeed(seed[:])}
}

func verifyKey(name string) m {
	return m{"key": pdu.EncodeBase64(key(name).Public().Key)}
}

func server(name string, more m) m {
	v := m{"server_name": name, "organisation": "Mairie de " + name, "contact": "dsi@" + name, "status": "active"}
	for k, x := range more {
		v[k] = x
	}
	return v
}

// draft is a list that nobody has signed yet.
func (w *world) draft(number int64, servers ...m) m {
	return m{"format": policy.Format, "list_id": "herault.example.fr", "name": "Communes de l'Hérault", "publisher": "Département", "contact": "dsi@herault.example.fr",
		"number": number, "published_ts": w.after(-time.Hour), "expires_ts": w.after(30 * 24 * time.Hour), "servers": append([]m{}, servers...)}
}

func signed(t *testing.T, list m) []byte {
	t.Helper()
	b, err := json.Marshal(list)
	if err != nil {
		t.Fatal(err)
	}
	if b, err = policy.Sign(b, key("list")); err != nil {
		t.Fatal(err)
	}
	return b
}

func (w *world) subscribe(t *testing.T, list m) {
	t.Helper()
	w.serve(signed(t, list))
	if _, err := w.Subscribe(t.Context(), "@maire:hs.fr", w.address, nil, key("list").Public().String()); err != nil {
		t.Fatal(err)
	}
}

func (w *world) apply(t *testing.T, c policy.Change) policy.Effect {
	t.Helper()
	e, err := w.Apply(t.Context(), "@maire:hs.fr", c)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// admits holds the policy to admit these servers, and those after "!" not.
func (w *world) admits(t *testing.T, when string, servers ...string) {
	t.Helper()
	for _, name := range servers {
		name, not := strings.CutPrefix(name, "!")
		if got := w.Admits(name); got == not {
			t.Errorf("%s: %s is admitted: %v (%s)", when, name, got, w.Why(name))
		}
	}
}

func TestModes(t *testing.T) {
	w := newWorld(t, policy.Open)
	w.admits(t, "open", "a.fr", "b.fr:8448", "!hs.fr")
	w.apply(t, policy.Change{Deny: []policy.Denial{{Pattern: "*.Evil.fr", Reason: "spam"}, {Pattern: "b.fr"}}})
	w.admits(t, "some denied", "a.fr", "!b.fr", "!b.fr:8448", "!B.fr", "!x.evil.fr", "!x.EVIL.fr:1", "evil.fr")
	w.apply(t, policy.Change{Mode: policy.Trusted})
	w.admits(t, "trusted without lists", "!a.fr", "!b.fr")
	w.subscribe(t, w.draft(1, server("a.fr", nil), server("b.fr", nil), server("x.evil.fr", nil), server("s.fr", m{"status": "suspended"}), server("w.fr", m{"status": "withdrawn"}),
		server("odd.fr", m{"status": "exiled"}), server("past.fr", m{"until_ts": w.after(-1)}), server("soon.fr", m{"since_ts": w.after(time.Hour)})))
	listed := []string{"a.fr", "!b.fr", "!x.evil.fr", "!s.fr", "!w.fr", "!odd.fr", "!past.fr", "!soon.fr", "!a.fr:8448", "!c.fr", "!sub.a.fr"}
	w.admits(t, "trusted", listed...)
	w.restart(t, policy.Open)
	w.admits(t, "after a restart", listed...)
	for name, want := range map[string]policy.Reason{"a.fr": "", "b.fr": "refusé : commune écartée par la mairie", "c.fr": "refusé : commune inconnue",
		"s.fr": "refusé : commune suspendue par une liste de confiance", "w.fr": "refusé : commune retirée de la liste de confiance"} {
		if got := w.Why(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	own := func(name string) policy.Server {
		return policy.Server{Name: name, Organisation: "Voisins", Status: policy.Active}
	}
	w.apply(t, policy.Change{Add: []policy.Server{own("c.fr"), own("s.fr"), own("w.fr")}, Undeny: []string{"B.fr"}})
	w.admits(t, "with additions", "a.fr", "b.fr", "c.fr", "!s.fr", "w.fr")
	w.clock = w.clock.Add(2 * time.Hour)
	w.admits(t, "two hours later", "soon.fr")
	w.apply(t, policy.Change{Mode: policy.Closed})
	w.admits(t, "closed", "!a.fr", "!c.fr")
	w.apply(t, policy.Change{Mode: policy.Trusted, Remove: []string{"c.fr"}, Unsubscribe: []string{"herault.example.fr"}})
	w.restart(t, policy.Open)
	w.admits(t, "without the list", "!a.fr", "!c.fr", "w.fr")
	w.apply(t, policy.Change{Mode: policy.Open})
	w.admits(t, "open again", "a.fr", "c.fr", "!x.evil.fr")
}

func TestChangesThatCannotBe(t *testing.T) {
	w := newWorld(t, policy.Open)
	for name, c := range map[string]policy.Change{
		"M_INVALID_PARAM mode":    {Mode: "half-open"},
		"M_INVALID_PARAM rooms":   {ForeignRooms: "ignore"},
		"M_INVALID_PARAM empty":   {Deny: []policy.Denial{{}}},
		"M_INVALID_PARAM port":    {Deny: []policy.Denial{{Pattern: "a.fr:8448"}}},
		"M_INVALID_PARAM space":   {Deny: []policy.Denial{{Pattern: "a b"}}},
		"M_INVALID_PARAM all":     {Deny: []policy.Denial{{Pattern: "*"}}},
		"M_INVALID_PARAM ours":    {Deny: []policy.Denial{{Pattern: "h?.fr"}}},
		"M_INVALID_PARAM reason":  {Deny: []policy.Denial{{Pattern: "a.fr", Reason: strings.Repeat("x", 301)}}},
		"M_INVALID_PARAM self":    {Add: []policy.Server{{Name: "hs.fr"}}},
		"M_INVALID_PARAM many":    {Remove: make([]string, 1001)},
		"M_NOT_FOUND undeny":      {Undeny: []string{"a.fr"}},
		"M_NOT_FOUND remove":      {Remove: []string{"a.fr"}},
		"M_NOT_FOUND unsubscribe": {Unsubscribe: []string{"a.fr"}},
	} {
		code, _, _ := strings.Cut(name, " ")
		c.Mode = cmpOr(c.Mode, policy.Closed)
		if _, err := w.Apply(t.Context(), "@maire:hs.fr", c); !merr.Is(err, code) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := w.Preview(t.Context(), c); !merr.Is(err, code) {
			t.Errorf("preview, %s: %v", name, err)
		}
	}
	if w.Settings().Mode != policy.Open {
		t.Error("a change that could not be counts in part")
	}
}

func cmpOr(a, b policy.Mode) policy.Mode {
	if a != "" {
		return a
	}
	return b
}

func TestListsThatAreRefusedLeaveTheOneOfBefore(t *testing.T) {
	w := newWorld(t, policy.Trusted)
	w.subscribe(t, w.draft(5, server("a.fr", nil), server("b.fr", nil)))
	changed := func(change m, servers ...m) []byte {
		list := w.draft(6, servers...)
		for k, v := range change {
			list[k] = v
		}
		b, err := json.Marshal(list)
		if err != nil {
			t.Fatal(err)
		}
		if b, err = pdu.SignJSON(b, list["list_id"].(string), key("list").ID, key("list").Key); err != nil {
			t.Fatal(err)
		}
		return b
	}
	forged, err := pdu.SignJSON(signed(t, w.draft(6)), "herault.example.fr", "ed25519:list", key("thief").Key)
	if err != nil {
		t.Fatal(err)
	}
	for words, b := range map[string][]byte{
		"plus ancienne que la n° 5":       signed(t, w.draft(4, server("a.fr", nil))),
		"n'est plus ce qu'elle était":     signed(t, w.draft(5, server("c.fr", nil))),
		"n'est pas signée par la clé":     forged,
		"c'est la liste autre.fr":         changed(m{"list_id": "autre.fr"}),
		"ne vaut plus depuis":             changed(m{"published_ts": w.after(-48 * time.Hour), "expires_ts": w.after(-24 * time.Hour)}),
		"dans l'avenir":                   changed(m{"published_ts": w.after(48 * time.Hour), "expires_ts": w.after(72 * time.Hour)}),
		"dans les 400 jours":              changed(m{"expires_ts": w.after(500 * 24 * time.Hour)}),
		"cette version ne lit que":        changed(m{"format": "fr.beffroi.trust-list.v2"}),
		"number n'est pas":                changed(m{"number": 0}),
		"deux fois dans la liste":         changed(nil, server("a.fr", nil), server("a.fr", nil)),
		"pas un nom de serveur":           changed(nil, server("a b", nil)),
		"en minuscules":                   changed(nil, server("A.fr", nil)),
		"organisation manque":             changed(nil, server("a.fr", m{"organisation": 1})),
		"caractères invisibles":           changed(nil, server("a.fr", m{"organisation": "Mairie\u202e"})),
		"n'est pas une clé Ed25519":       changed(nil, server("a.fr", m{"verify_keys": m{"ed25519:k": m{"key": "AAAA"}}})),
		"n'a pas de expired_ts":           changed(nil, server("a.fr", m{"old_verify_keys": m{"ed25519:k": verifyKey("k")}})),
		"until_ts n'est pas un nombre":    changed(nil, server("a.fr", m{"until_ts": "demain"})),
		"notary n'est ni":                 changed(nil, server("a.fr", m{"notary": "oui"})),
		"autre chose que des serveurs":    changed(m{"servers": []string{"a.fr"}}),
		"servers n'est pas une suite":     changed(m{"servers": m{}}),
		"ce n'est pas du JSON canonique":  []byte(`{"a":1,"a":2}`),
		"la liste a plus de 4194304":      append(signed(t, w.draft(6)), make([]byte, policy.MaxDocument)...),
		"n'a pas pu être lue : 127.0.0.1": nil,
	} {
		w.serve(b)
		if _, err := w.Refetch(t.Context(), "@maire:hs.fr", "herault.example.fr"); !merr.Is(err, "FR.BEFFROI.TRUST_LIST") || !strings.Contains(merr.From(err).Text, words) {
			t.Errorf("%s: %v", words, err)
		}
		if got := w.Overview().Lists[0]; !strings.Contains(got.Failure, words) || got.Number != 5 || got.Servers != 2 {
			t.Errorf("%s: %+v", words, got)
		}
		w.admits(t, words, "a.fr", "b.fr", "!c.fr")
	}
	w.restart(t, policy.Trusted)
	if got := w.Overview().Lists[0]; got.Failure == "" {
		t.Error("a restart forgets that fetching failed")
	}
	w.serve(signed(t, w.draft(6, server("b.fr", m{"contact": "autre@b.fr"}), server("c.fr", nil))))
	if err := w.FetchAll(t.Context()); err != nil {
		t.Fatal(err)
	}
	got := w.Overview().Lists[0]
	if want := `{"from_number":5,"to_number":6,"added":["c.fr"],"removed":["a.fr"],"altered":["b.fr"]}`; string(got.Changes) != want || got.Failure != "" {
		t.Errorf("%s %s, want %s", got.Changes, got.Failure, want)
	}
	w.admits(t, "the next list", "!a.fr", "b.fr", "c.fr")
	w.clock = w.clock.Add(60 * 24 * time.Hour)
	w.admits(t, "a list that its publisher forgot", "b.fr")
	if !w.Overview().Lists[0].Expired {
		t.Error("nobody sees that the list is expired")
	}
}

func TestSubscriptionsThatCannotBe(t *testing.T) {
	w := newWorld(t, policy.Trusted)
	good := signed(t, w.draft(1, server("a.fr", nil)))
	w.serve(good)
	for words, c := range map[string]struct {
		address, key string
		document     []byte
	}{
		"« ed25519:NOM BASE64 »":        {w.address, "AAAA", nil},
		"n'est pas une adresse":         {"http://a.fr/liste", key("list").Public().String(), nil},
		"ou la liste elle-même":         {"", key("list").Public().String(), nil},
		"n'est pas signée":              {w.address, key("thief").Public().String(), nil},
		"il faut l'adresse de la liste": {w.address, key("list").Public().String(), good},
	} {
		if _, err := w.Subscribe(t.Context(), "@maire:hs.fr", c.address, c.document, c.key); !merr.Is(err, "FR.BEFFROI.TRUST_LIST") || !strings.Contains(merr.From(err).Text, words) {
			t.Errorf("%s: %v", words, err)
		}
	}
	if _, err := w.Subscribe(t.Context(), "@maire:hs.fr", "", good, key("list").Public().String()); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Subscribe(t.Context(), "@maire:hs.fr", w.address, nil, key("list").Public().String()); err == nil {
		t.Error("subscribed twice")
	}
	if _, err := w.Refetch(t.Context(), "@maire:hs.fr", "herault.example.fr"); err == nil {
		t.Error("a list without an address is fetched")
	}
	if _, err := w.Renew(t.Context(), "@maire:hs.fr", "herault.example.fr", signed(t, w.draft(2, server("b.fr", nil)))); err != nil {
		t.Fatal(err)
	}
	w.admits(t, "given by hand", "!a.fr", "b.fr")
	if _, err := w.Renew(t.Context(), "@maire:hs.fr", "none", nil); !merr.Is(err, "M_NOT_FOUND") {
		t.Error(err)
	}
}

func TestPins(t *testing.T) {
	w := newWorld(t, policy.Trusted)
	w.subscribe(t, w.draft(1, server("a.fr", m{"verify_keys": m{"ed25519:one": verifyKey("one")},
		"old_verify_keys": m{"ed25519:old": m{"key": verifyKey("old")["key"], "expired_ts": 1000}}}), server("b.fr", nil),
		server("gone.fr", m{"status": "withdrawn", "verify_keys": m{"ed25519:one": verifyKey("one")}})))
	pins, ok := w.Pinned("a.fr")
	if one, old := pins["ed25519:one"], pins["ed25519:old"]; !ok || len(pins) != 2 || !one.Key.Equal(key("one").Public().Key) || one.Retired || !old.Retired || old.Until != 1000 {
		t.Errorf("%+v", pins)
	}
	if _, ok := w.Pinned("b.fr"); ok {
		t.Error("a server without keys in the list is pinned")
	}
	if _, ok := w.Pinned("gone.fr"); !ok {
		t.Error("the events of one that is gone verify no more")
	}
	var own policy.Server
	b, err := json.Marshal(server("a.fr", m{"verify_keys": m{"ed25519:two": verifyKey("two")}}))
	if err != nil {
		t.Fatal(err)
	}
	if own, err = policy.ParseServer(b); err != nil {
		t.Fatal(err)
	}
	w.apply(t, policy.Change{Add: []policy.Server{own}})
	w.restart(t, policy.Open)
	if pins, _ := w.Pinned("a.fr"); len(pins) != 1 || !pins["ed25519:two"].Key.Equal(key("two").Public().Key) {
		t.Errorf("the town hall's word does not count before the list's: %+v", pins)
	}
	w.apply(t, policy.Change{Mode: policy.Open})
	if _, ok := w.Pinned("a.fr"); ok {
		t.Error("pinned in open mode")
	}
}

func TestRoomVerdict(t *testing.T) {
	w := newWorld(t, policy.Trusted)
	w.subscribe(t, w.draft(1, server("a.fr", nil)))
	verdict := func(want bool, unlisted string, servers ...string) {
		t.Helper()
		if allowed, got := w.RoomVerdict(servers); allowed != want || strings.Join(got, " ") != unlisted {
			t.Errorf("%v: %v %v, want %v %s", servers, allowed, got, want, unlisted)
		}
	}
	verdict(true, "", "a.fr", "hs.fr")
	verdict(false, "b.fr c.fr", "a.fr", "b.fr", "hs.fr", "c.fr")
	w.apply(t, policy.Change{ForeignRooms: policy.Warn})
	verdict(true, "b.fr", "a.fr", "b.fr")
}

func TestServerACLFollowsThePolicy(t *testing.T) {
	w := newWorld(t, policy.Open)
	acl := func(want string, needed bool) {
		t.Helper()
		got, is := w.RoomACL()
		if string(got) != want || is != needed {
			t.Errorf("%s %v, want %s %v", got, is, want, needed)
		}
		if o, err := pdu.ParseObject(got); err != nil || !w.FollowsPolicy(o) {
			t.Error(err)
		}
	}
	acl(`{"allow":["*"],"deny":[],"allow_ip_literals":true,"fr.beffroi.policy":"open"}`, false)
	w.apply(t, policy.Change{Deny: []policy.Denial{{Pattern: "*.evil.fr"}}})
	acl(`{"allow":["*"],"deny":["*.evil.fr"],"allow_ip_literals":true,"fr.beffroi.policy":"open"}`, true)
	w.apply(t, policy.Change{Mode: policy.Trusted})
	w.subscribe(t, w.draft(1, server("b.fr:8448", nil), server("a.fr", nil), server("b.fr", nil), server("x.evil.fr", nil)))
	acl(`{"allow":["a.fr","b.fr","hs.fr"],"deny":["*.evil.fr"],"allow_ip_literals":true,"fr.beffroi.policy":"trusted"}`, true)
	w.apply(t, policy.Change{Mode: policy.Closed})
	acl(`{"allow":["hs.fr"],"deny":["*.evil.fr"],"allow_ip_literals":true,"fr.beffroi.policy":"closed"}`, true)
	var many []m
	for i := range 3000 {
		many = append(many, server(fmt.Sprintf("commune-de-saint-aubin-%d.fr", i), nil))
	}
	w.apply(t, policy.Change{Mode: policy.Trusted})
	w.serve(signed(t, w.draft(2, many...)))
	if err := w.FetchAll(t.Context()); err != nil {
		t.Fatal(err)
	}
	acl(`{"allow":["*"],"deny":["*.evil.fr"],"allow_ip_literals":true,"fr.beffroi.policy":"trusted"}`, true) // more than an event holds
	if o := w.Overview(); o.Listed || o.Servers != 3000 {
		t.Errorf("%+v", o)
	}
}

// What was decided, and what lists brought, stands in the journal.
func TestTheJournalTells(t *testing.T) {
	w := newWorld(t, policy.Trusted)
	w.subscribe(t, w.draft(1, server("a.fr", nil)))
	w.apply(t, policy.Change{Mode: policy.Open, Deny: []policy.Denial{{Pattern: "b.fr"}}})
	for range 3 {
		for _, name := range []string{"b.fr", "c.fr"} {
			if err := w.Refuse(t.Context(), name, w.Why(name)); err != nil {
				t.Fatal(err)
			}
		}
	}
	for i := range 200 {
		if err := w.Refuse(t.Context(), strings.Repeat("x", i)+".fr", "refusé : commune inconnue"); err != nil {
			t.Fatal(err)
		}
	}
	w.clock = w.clock.Add(24 * time.Hour)
	if err := w.Refuse(t.Context(), "b.fr", w.Why("b.fr")); err != nil {
		t.Fatal(err)
	}
	rows, err := store.Get(t.Context(), w.db.DB, func(r *store.Reader) ([]store.JournalRow, error) { return r.JournalFrom(0, 500) })
	if err != nil {
		t.Fatal(err)
	}
	var told []string
	refusals := 0
	for _, j := range rows {
		if j.Act == string(journal.RefuseServer) {
			refusals++
		}
		if j.Act != string(journal.RefuseServer) || j.Target == "b.fr" {
			told = append(told, j.Actor+" "+j.Act+" "+j.Target+" "+j.Detail)
		}
	}
	all := strings.Join(told, "\n")
	for _, want := range []string{
		`@maire:hs.fr policy.list herault.example.fr {"added":["a.fr"]`, `"lost_servers":0,"number":1,"removed":[]`,
		`@maire:hs.fr policy.change  {"change":{"deny":["b.fr"],"deny_total":1,"mode":"open"},"lost_servers":0,"rooms":0}`,
		`beffroi policy.refused b.fr {"reason":"refusé : commune écartée par la mairie"}`,
	} {
		if !strings.Contains(all, want) {
			t.Errorf("%s is missing in\n%s", want, all)
		}
	}
	if refusals != 51 { // 50 servers on the first day, b.fr again on the second
		t.Errorf("%d refusals are told", refusals)
	}
}

// What is damaged in the database admits nobody, and keeps no server from starting.
func TestDamage(t *testing.T) {
	w := newWorld(t, policy.Open)
	w.subscribe(t, w.draft(1, server("a.fr", nil)))
	w.apply(t, policy.Change{Mode: policy.Trusted, Add: []policy.Server{{Name: "b.fr", Organisation: "Voisins", Status: policy.Active}, {Name: "c.fr", Organisation: "Voisins", Status: policy.Active}}})
	damage := func(fn func(tx *store.Tx) error) {
		t.Helper()
		if err := w.db.DB.Write(t.Context(), fn); err != nil {
			t.Fatal(err)
		}
		w.restart(t, policy.Open)
	}
	damage(func(tx *store.Tx) error { return tx.PutTrustedServer("b.fr", []byte(`{"server_name":`)) })
	w.admits(t, "an addition is damaged", "a.fr", "!b.fr", "c.fr")
	damage(func(tx *store.Tx) error { return tx.PutTrustDocument("herault.example.fr", []byte(`{}`)) })
	w.admits(t, "a list is damaged", "!a.fr", "c.fr")
	if err := w.FetchAll(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.admits(t, "the list came again", "a.fr", "c.fr")
	damage(func(tx *store.Tx) error { return tx.PutMeta(store.MetaPolicy, []byte(`{"mode":"opem"`)) })
	w.admits(t, "the settings are damaged", "!a.fr", "!c.fr", "!d.fr")
}
