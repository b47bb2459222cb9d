package ephemeral

import (
	"reflect"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"beffroi/server/store"
)

func TestTypingEndsByItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex // expiries tell from goroutines of their own
		var told []store.RoomRef
		typing := newTyping(time.Now, new(atomic.Int64), func(room store.RoomRef, _ []string) {
			mu.Lock()
			defer mu.Unlock()
			told = append(told, room)
		})
		heard := func() []store.RoomRef {
			mu.Lock()
			defer mu.Unlock()
			return slices.Clone(told)
		}
		defer typing.close()
		typing.set(7, "@bob:test", time.Now().Add(30*time.Second))
		typing.set(7, "@alice:test", time.Now().Add(10*time.Second))
		typing.set(8, "@alice:test", time.Now().Add(10*time.Second))
		began := typing.pos.Load()

		time.Sleep(9 * time.Second)
		typing.set(8, "@alice:test", time.Now().Add(10*time.Second)) // goes on
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if got := typing.users(7); !reflect.DeepEqual(got, []string{"@bob:test"}) {
			t.Errorf("in room 7: %v", got)
		}
		if typing.changedAt(7) <= began || typing.changedAt(8) > began || !reflect.DeepEqual(heard(), []store.RoomRef{7}) {
			t.Errorf("changed at %d and %d after %d, told: %v", typing.changedAt(7), typing.changedAt(8), began, heard())
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if len(typing.users(7))+len(typing.users(8)) != 0 || !reflect.DeepEqual(heard(), []store.RoomRef{7, 8, 7}) {
			t.Errorf("after a minute: %v %v, told: %v", typing.users(7), typing.users(8), heard())
		}
		if typing.changedAt(7) != began+3 || typing.changedAt(8) != began+2 || typing.changedAt(9) != 0 {
			t.Errorf("positions: %d %d %d after %d", typing.changedAt(7), typing.changedAt(8), typing.changedAt(9), began)
		}
	})
}

func TestClosedTypingTellsNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		typing := newTyping(time.Now, new(atomic.Int64), func(store.RoomRef, []string) { t.Error("told after close") })
		typing.set(7, "@alice:test", time.Now().Add(time.Second))
		typing.close()
		time.Sleep(time.Minute)
		if typing.set(7, "@bob:test", time.Now().Add(time.Second)) {
			t.Error("typing begins after close")
		}
	})
}
