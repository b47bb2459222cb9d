package pusher

import (
	"fmt"
	"testing"
)

// Somebody with many gateways that don't answer leaves room for others.
func TestNobodyHoldsUpOthers(t *testing.T) {
	w := newWorld(t)
	anna, bruno, carla := w.user("anna"), w.user("bruno"), w.user("carla")
	room := w.room("", anna, bruno, carla)
	for i := range maxPushers {
		w.set(bruno, kindHTTP, "app", fmt.Sprint(i), fmt.Sprintf(`{"url":"https://gateway%d/_matrix/push/v1/notify"}`, i))
	}
	for i := range 2 * maxPerHost {
		u := w.user(fmt.Sprint("d", i))
		w.ok(w.rooms.Join(t.Context(), u, room, ""))
		w.set(u, kindHTTP, "app", "key"+fmt.Sprint(i), `{"url":"https://slow/_matrix/push/v1/notify"}`)
	}
	w.set(carla, kindHTTP, "app", "carla", testGateway)
	w.mu.Lock() // the gateways don't answer
	w.send(anna, room, "x")
	w.loop.step(t.Context(), false)
	if l := w.loop; l.users[bruno.Atom] != maxPerUser || l.hosts["slow"] != maxPerHost || l.hosts["gateway"] != 1 || l.running != maxPerUser+maxPerHost+1 {
		t.Error(l.running, l.users, l.hosts)
	}
	w.mu.Unlock()
	w.round()
	if l := w.loop; len(w.told) != maxPushers+2*maxPerHost+1 || len(l.users) > 0 || len(l.hosts) > 0 || len(l.ready) > 0 {
		t.Error(len(w.told), l.users, l.hosts)
	}
}
