package keys

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"sync"
	"time"

	"beffroi/server/pdu"
	"beffroi/server/store"
)

const (
	// maxAnswers is for how many servers one request to this notary is answered, maxAsked how many of them are asked for it.
	maxAnswers, maxAsked = 100, 10
	// askTime is how long who asks this notary waits for others.
	askTime = 10 * time.Second
)

// Query says for each server until when (milliseconds) its keys should at least be valid; 0: now.
type Query map[string]int64

// Answer is what the servers of a query last said of their keys, signed by this server too. Those that can't be reached and are not known are left out, and those
// with which this server does not speak.
//
// Spec: server-server API, "Querying Keys Through Another Server".
func (r *Ring) Answer(ctx context.Context, q Query) ([]json.RawMessage, error) {
	servers := slices.Sorted(maps.Keys(q))
	servers = slices.DeleteFunc(servers, func(server string) bool { return server != r.Own.serverName && !r.Admits(server) })
	servers = servers[:min(len(servers), maxAnswers)]
	if err := r.askFor(ctx, servers, q); err != nil {
		return nil, err
	}
	answers := []json.RawMessage{}
	for _, server := range servers {
		document, err := r.documentOf(ctx, server)
		if err != nil {
			return nil, err
		}
		if document != nil {
			answers = append(answers, document)
		}
	}
	return answers, nil
}

// askFor asks the first servers of which nothing is known, or nothing that is new enough.
func (r *Ring) askFor(ctx context.Context, servers []string, q Query) error {
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	var asked sync.WaitGroup
	defer asked.Wait()
	n := 0
	for _, server := range servers {
		fresh, err := r.fresh(ctx, server, max(q[server], store.Millis(r.now())))
		if err != nil {
			return err
		}
		if fresh || n == maxAsked || !pdu.ValidServerName(server) {
			continue
		}
		n++
		asked.Go(func() {
			if err := r.refresh(ctx, need{server: server, request: true}); err != nil {
				r.Log.Debug().Err(err).Str("server", server).Msg("asked as a notary, no keys")
			}
		})
	}
	return nil
}

// fresh tells whether what a server said of its keys is valid until then.
func (r *Ring) fresh(ctx context.Context, server string, until int64) (bool, error) {
	if server == r.Own.serverName {
		return true, nil
	}
	d, found, err := r.stored(ctx, server)
	if err != nil || !found {
		return false, err
	}
	said, _ := pdu.StoredObject(d.JSON).Int("valid_until_ts")
	return said >= until, nil
}

func (r *Ring) stored(ctx context.Context, server string) (d store.ServerKeyDocument, found bool, err error) {
	err = r.db.Read(ctx, func(rd *store.Reader) (err error) {
		d, found, err = rd.ServerKeyDocument(server)
		return err
	})
	return d, found, err
}

// documentOf is what a server said of its keys, signed by this server too; nil where nothing is known.
func (r *Ring) documentOf(ctx context.Context, server string) (json.RawMessage, error) {
	if server == r.Own.serverName {
		return r.Own.Document()
	}
	d, found, err := r.stored(ctx, server)
	if err != nil || !found || !r.vouched(server, pdu.StoredObject(d.JSON)) {
		return nil, err
	}
	signer := r.Own.Signer()
	return pdu.SignJSON(d.JSON, signer.ServerName, signer.KeyID, signer.Key)
}
