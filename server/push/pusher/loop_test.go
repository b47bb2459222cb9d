package pusher

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"beffroi/server/merr"
	"beffroi/server/store"
)

func TestPausesGrowToAnHour(t *testing.T) {
	w := newWorld(t)
	anna, bruno := w.user("anna"), w.user("bruno")
	room := w.room("", anna, bruno)
	w.set(bruno, kindHTTP, "app", "key", testGateway)
	w.status = 502
	w.send(anna, room, "x")
	w.round()
	if len(w.told) != 1 {
		t.Fatal(w.told)
	}
	w.pass(4 * time.Second)
	if len(w.told) != 1 {
		t.Error("no pause after a failure")
	}
	w.pass(time.Minute)
	soon := len(w.told)
	if soon < 3 || soon > 6 {
		t.Error(soon, "attempts in the first minute")
	}
	w.pass(9 * time.Hour)
	before := len(w.told)
	w.pass(10 * time.Hour)
	if n := len(w.told) - before; n < 10 || n > 20 {
		t.Error(n, "attempts in ten hours")
	}
	w.status = 200
	w.pass(time.Hour)
	if n := len(w.told); !strings.Contains(w.told[n-1], "event_id") {
		t.Error(w.told[n-1])
	}
	told := len(w.told)
	w.pass(10 * time.Hour)
	if len(w.told) != told {
		t.Error("what was told is told again")
	}
}

// A device that could not be told for long gets the newest, not all.
func TestAfterADayOnlyTheNewestAreTold(t *testing.T) {
	w := newWorld(t)
	anna, bruno := w.user("anna"), w.user("bruno")
	room := w.room("", anna, bruno)
	w.set(bruno, kindHTTP, "app", "key", testGateway)
	w.status = 502
	w.send(anna, room, "too old")
	w.pass(time.Minute)
	w.pass(tellWithin)
	asked := len(w.told)
	w.pass(2 * time.Hour)
	if len(w.told) > asked+1 {
		t.Error("what is a day old is still tried")
	}
	var last []string
	for i := range 30 {
		id := w.send(anna, room, fmt.Sprint(i))
		w.pass(time.Minute)
		if i >= 30-afterFailure {
			last = append(last, id)
		}
	}
	w.pass(time.Hour)
	w.status, w.told = 200, nil
	w.pass(time.Hour)
	if len(w.told) != len(last) {
		t.Fatal(len(w.told), w.told)
	}
	for i, id := range last {
		if !strings.Contains(w.told[i], id) {
			t.Errorf("%s is not about %s", w.told[i], id)
		}
	}
}

// While a pusher can't be told, its cursor stays and the others' go on. A start finds both.
func TestCursorsOfAStart(t *testing.T) {
	w := newWorld(t)
	anna, bruno, carla := w.user("anna"), w.user("bruno"), w.user("carla")
	room := w.room("", anna, bruno, carla)
	w.status = 502
	w.set(bruno, kindHTTP, "app", "key", testGateway)
	first := w.send(anna, room, "1")
	w.round()
	w.status = 200
	w.set(carla, kindHTTP, "app", "other", testGateway)
	second := w.send(anna, room, "2")
	w.round()
	w.pass(saveSoon)
	w.told, w.loop = nil, newLoop(w.Service) // as after a kill
	w.round()
	all := strings.Join(w.told, "\n")
	if len(w.told) != 2 || !strings.Contains(w.told[0], first) || !strings.Contains(w.told[1], second) || strings.Contains(all, "other") {
		t.Errorf("%s", all)
	}
}

func TestTokensOfWebPushExpire(t *testing.T) {
	w := newWorld(t)
	anna := w.user("anna")
	key := "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"
	w.status = 429
	w.set(anna, kindWebPush, "web", key, `{"url":"https://service/x","auth":"BTBZMqHH6r4Tts7J_aSIgg"}`)
	w.pass(10 * time.Minute)
	if n := len(w.told); n < 2 || n > 10 {
		t.Error(n, "attempts")
	}
	asked := len(w.told)
	w.pass(time.Hour)
	if len(w.told) != asked {
		t.Error("an expired token is still sent")
	}
	token := w.pusher(1).Token
	err := w.Activate(t.Context(), anna.Atom, "web", token)
	if merr.From(err).Code != "M_EXPIRED_ACTIVATION_TOKEN" || w.pusher(1).Activated {
		t.Error(err)
	}
	w.set(anna, kindWebPush, "web", key, `{"url":"https://service/x","auth":"BTBZMqHH6r4Tts7J_aSIgg"}`)
	if again := w.pusher(1).Token; again == token || again == "" {
		t.Error("the old token is good again")
	}
	w.ok(w.Activate(t.Context(), anna.Atom, "web", w.pusher(1).Token))
	w.set(anna, kindWebPush, "web", key, `{"url":"https://service/other","auth":"BTBZMqHH6r4Tts7J_aSIgg"}`)
	if w.pusher(1).Activated {
		t.Error("another subscription needs no activation")
	}
}

func (w *world) pusher(id int64) store.Pusher {
	w.Helper()
	p, err := store.Get(w.Context(), w.db, func(r *store.Reader) (store.Pusher, error) {
		p, _, err := r.Pusher(id)
		return p, err
	})
	w.ok(err)
	return p
}

func TestWhoSetsManyPushersKeepsTheLast(t *testing.T) {
	w := newWorld(t)
	anna := w.user("anna")
	for i := range maxPushers + 3 {
		w.now = w.now.Add(time.Second)
		w.set(anna, kindHTTP, "app", fmt.Sprint(i), testGateway)
	}
	got, err := w.List(t.Context(), anna.Atom)
	if err != nil || len(got) != maxPushers || got[0].Pushkey != "3" {
		t.Errorf("%d %+v %v", len(got), got[0], err)
	}
}

// A locked account is told of nothing; nor is one that ended.
func TestAccountsThatAreTold(t *testing.T) {
	for state, want := range map[store.AccountState]int{store.AccountActive: 1, store.AccountSuspended: 1, store.AccountLocked: 0, store.AccountDeactivated: 0} {
		w := newWorld(t)
		anna, bruno := w.user("anna"), w.user("bruno")
		room := w.room("", anna, bruno)
		w.set(bruno, kindHTTP, "app", "key", testGateway)
		w.ok(w.db.Write(t.Context(), func(tx *store.Tx) error { return tx.SetAccountState(bruno.Atom, state) }))
		w.send(anna, room, "x")
		w.round()
		if len(w.told) != want {
			t.Errorf("state %d: %v", state, w.told)
		}
	}
}
