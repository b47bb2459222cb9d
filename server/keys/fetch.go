package keys

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"beffroi/server/pdu"
	"beffroi/server/store"
)

// MaxQuery is how many bytes a notary may answer.
const MaxQuery = 1 << 20

// tries is how asking for a server's keys went.
type tries struct {
	failed int       // how often since it last went well
	next   time.Time // when it may be asked again
}

// flight is a fetch that runs; all who need a server's keys wait for the same one.
type flight struct {
	done chan struct{}
	err  error
}

// refresh asks for a server's keys, unless that was done just now.
func (r *Ring) refresh(ctx context.Context, n need) error {
	if most := store.Millis(r.now().Add(trusted)); !n.always && n.at > most {
		return errors.New("no key is valid so far ahead")
	}
	f, err := r.flight(n)
	if err != nil {
		return err
	}
	select {
	case <-f.done:
		return f.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// flight gives the fetch that runs, or begins one, which outlives who began it.
func (r *Ring) flight(n need) (*flight, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if f, ok := r.flights[n.server]; ok {
		return f, nil
	}
	if t := r.tries[n.server]; t != nil && r.now().Before(t.next) {
		return nil, fmt.Errorf("asked again after %s", t.next.Format(time.RFC3339))
	}
	if r.living.Err() != nil {
		return nil, r.living.Err()
	}
	f := &flight{done: make(chan struct{})}
	r.flights[n.server] = f
	r.running.Go(func() {
		ctx, cancel := context.WithTimeout(r.living, fetchTime)
		defer cancel()
		err := r.fetch(ctx, n)
		r.mu.Lock()
		defer r.mu.Unlock()
		r.note(n.server, err)
		delete(r.flights, n.server)
		f.err = err
		close(f.done)
	})
	return f, nil
}

// note sets when a server may be asked again. The ring is locked.
func (r *Ring) note(server string, err error) {
	t := r.tries[server]
	if t == nil {
		t = &tries{}
		remember(r.tries, server, t)
	}
	wait := calm
	if err == nil {
		t.failed = 0
	} else {
		wait = min(calm<<min(t.failed, 10), maxCalm)
		t.failed++
	}
	t.next = r.now().Add(wait + rand.N(wait/4))
}

// fetch asks the server itself, then the notaries. One that this server does not speak with is not asked: its events come by others.
func (r *Ring) fetch(ctx context.Context, n need) error {
	select {
	case r.slots <- struct{}{}:
		defer func() { <-r.slots }()
	case <-ctx.Done():
		return ctx.Err()
	}
	direct := r.fetchDirect(ctx, n.server)
	if direct == nil {
		return nil
	}
	for _, notary := range r.Notaries() {
		if notary == n.server || notary == r.Own.serverName || !r.Admits(notary) {
			continue
		}
		err := r.fetchFrom(ctx, notary, n)
		if err == nil {
			return nil
		}
		r.Log.Info().Err(err).Str("server", n.server).Str("notary", notary).Msg("no keys from a notary")
	}
	return direct
}

// fetchDirect gives half of the time to the server itself, so that notaries can be asked when it is slow.
func (r *Ring) fetchDirect(ctx context.Context, server string) error {
	if !r.Admits(server) {
		return ErrRefused
	}
	ctx, cancel := context.WithTimeout(ctx, fetchTime/2)
	defer cancel()
	b, err := r.Fetcher.ServerKeys(ctx, server)
	if err != nil {
		return err
	}
	d, err := readDocument(b, server, r.now())
	if err != nil {
		return err
	}
	return r.keep(ctx, server, d, replaced)
}

// fetchFrom asks a notary. Its answer must be signed by the server whose keys they are and by itself.
//
// Spec: server-server API, "Querying Keys Through Another Server".
func (r *Ring) fetchFrom(ctx context.Context, notary string, n need) error {
	query, err := json.Marshal(map[string]any{"server_keys": map[string]any{n.server: map[string]any{n.keyID: map[string]int64{"minimum_valid_until_ts": n.at}}}})
	if err != nil {
		return err
	}
	b, err := r.Fetcher.QueryKeys(ctx, notary, query)
	if err != nil {
		return err
	}
	answer, err := pdu.ParseObject(b)
	if err != nil {
		return err
	}
	all, _ := answer.Get("server_keys").Array()
	if all == nil {
		return documentf("server_keys is no array")
	}
	given := false
	for one := range all {
		d, err := readDocument(one.Raw(), n.server, r.now())
		if err == nil {
			err = r.notarised(ctx, notary, d)
		}
		if err != nil {
			r.Log.Info().Err(err).Str("notary", notary).Msg("keys left out")
			continue
		}
		if err := r.keep(ctx, n.server, d, added); err != nil {
			return err
		}
		given = true
	}
	if !given {
		return n
	}
	return nil
}

// notarised checks the signature of a notary, whose own keys come from itself only.
func (r *Ring) notarised(ctx context.Context, notary string, d *document) error {
	for id := range d.object.Object("signatures").Object(notary).All() {
		n := need{server: notary, keyID: id, at: store.Millis(r.now()), request: true}
		key, err := r.lookup(ctx, n)
		if errors.Is(err, ErrNoKey) && r.mayAsk(notary) {
			if err = r.fetchDirect(ctx, notary); err == nil {
				key, err = r.lookup(ctx, n)
			}
		}
		if err == nil {
			return d.object.VerifySignature(notary, id, key)
		}
	}
	return documentf("the notary has not signed it with a key that is known")
}

// mayAsk tells whether a server was not asked just now, and counts the question.
func (r *Ring) mayAsk(server string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	t := r.tries[server]
	may := t == nil || !r.now().Before(t.next)
	if may {
		r.note(server, nil)
	}
	return may
}

// replaced is how a server's own word changes what is known: it counts.
func replaced(_ store.ServerKey, _ bool, now store.ServerKey) store.ServerKey { return now }

// added is how a notary's word changes what is known: it adds keys, and time to keys. It neither replaces a key nor takes time away, since it may be of old.
func added(before store.ServerKey, known bool, now store.ServerKey) store.ServerKey {
	if !known {
		return now
	}
	if before.Key.Equal(now.Key) && !before.Retired && !now.Retired {
		before.Until = max(before.Until, now.Until)
	}
	return before
}

// keep stores the keys of a document beside those that are known.
func (r *Ring) keep(ctx context.Context, server string, d *document, merge func(before store.ServerKey, known bool, now store.ServerKey) store.ServerKey) error {
	if !r.vouched(server, d.object) {
		return documentf("no key that is pinned has signed it")
	}
	keys := map[string]store.ServerKey{}
	err := r.db.Write(ctx, func(tx *store.Tx) error {
		clear(keys)
		rows, err := tx.ServerKeys(server)
		if err != nil {
			return err
		}
		for _, k := range rows {
			keys[k.ID] = k
		}
		for _, k := range d.keys {
			before, known := keys[k.ID]
			if !known && len(keys) >= maxKept {
				return documentf("more than %d keys in its life", maxKept)
			}
			k = merge(before, known, k)
			keys[k.ID] = k
			if err := tx.PutServerKey(server, k); err != nil {
				return err
			}
		}
		return tx.PutServerKeyDocument(server, store.ServerKeyDocument{Fetched: store.Millis(r.now()), JSON: d.object.Raw()})
	})
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	remember(r.known, server, keys)
	return nil
}

// vouched tells whether a key that is pinned has signed what a server says of its keys. At a rotation the list follows later: until then the old key signs, too.
func (r *Ring) vouched(server string, document pdu.Object) bool {
	pinned, ok := r.Pinned(server)
	for id, k := range pinned {
		if document.VerifySignature(server, id, k.Key) == nil {
			return true
		}
	}
	return !ok
}
