package outbox

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"

	"beffroi/server/store"
)

// transaction is what is sent to a server at once. Its id is made of what it holds: a repetition after a lost answer or a crash has the same, and two that
// differ never do, whatever was restored in between.
type transaction struct {
	id   string
	body []byte

	pdus, outs [][]byte                   // events and EDUs
	names      []string                   // of all items, for the log
	hash       []byte                     // of what tells it from others
	size       int                        // in bytes
	said       map[string]json.RawMessage // what of it lies in memory only

	items   int
	what    string // the item, where it is one
	durable bool
	pos     int64    // the stream is done up to here after it,
	edus    int64    // and its own EDUs up to here
	catch   *catchUp // where catching up stands after it; nil: it is no part of that
	last    bool     // nothing waits behind it
}

func (t *transaction) empty() bool { return t.items == 0 }

func (t *transaction) note(what string, key int64, content []byte) {
	t.names = append(t.names, what)
	t.size += len(content)
	sum := sha256.Sum256(content)
	t.hash = append(binary.BigEndian.AppendUint64(t.hash, uint64(key)), sum[:]...) //nolint:gosec // any number
}

func (t *transaction) addPDU(id string, event []byte) {
	t.pdus = append(t.pdus, event)
	t.note(id, 0, event)
}

// addEDU adds an EDU; key tells it from others with the same content.
func (t *transaction) addEDU(kind string, key int64, content []byte) {
	edu := fmt.Appendf(nil, `{"edu_type":%q,"content":%s}`, kind, content)
	t.outs = append(t.outs, edu)
	t.note(kind, key, edu)
}

// compose reads what a destination gets next.
func (s *Service) compose(ctx context.Context, d *destination) (*transaction, error) {
	s.mu.Lock()
	missed, pos, edus, most, catch := d.missed, d.pos, d.edus, d.most, d.catch
	d.again = false
	waits := d.waits
	s.mu.Unlock()
	t := &transaction{pos: pos, edus: edus}
	var err error
	switch {
	case missed > 0:
		err = s.composeMissed(ctx, d, t, missed, catch, most)
	case waits:
		err = s.composeWaiting(ctx, d, t, pos, most)
	default:
		t.last = true
	}
	if err != nil {
		return nil, err
	}
	if t.durable = len(t.names) > 0; missed == 0 {
		s.addSaid(d, t, most)
	}
	s.seal(t)
	return t, nil
}

// composeWaiting reads the next rows of the stream, and the next EDUs that are for this server alone.
func (s *Service) composeWaiting(ctx context.Context, d *destination, t *transaction, pos int64, most int) error {
	upto := s.db.Visible()
	b := s.batch(d, t, pos, upto, most)
	if err := s.db.Read(ctx, b.read); err != nil {
		return err
	}
	return b.addDevices(ctx)
}

// seal writes the body and the id.
func (s *Service) seal(t *transaction) {
	if t.items = len(t.names); t.items == 0 {
		return
	}
	t.what = t.names[0]
	if len(t.said) > 0 {
		s.mu.Lock()
		s.said++
		t.hash = fmt.Append(t.hash, s.boot, s.said)
		s.mu.Unlock()
	}
	sum := sha256.Sum256(t.hash)
	t.id = base64.RawURLEncoding.EncodeToString(sum[:18])
	t.body = fmt.Appendf(nil, `{"edus":[%s],"origin":%q,"origin_server_ts":%d,"pdus":[%s]}`, bytes.Join(t.outs, []byte{','}), s.ServerName, store.Millis(s.now()), bytes.Join(t.pdus, []byte{','}))
}
