package archive

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
)

// Sink takes what an archive holds, as it comes: nothing of it is proven before Read has returned. What it is given is good until it returns.
type Sink interface {
	Begin(h Header) error
	Table(name string, columns []string) error
	Row(row []any) error                             // of the last table; values as Writer.Row has them
	File(sum Sum, size int64, bytes io.Reader) error // what it doesn't read is read for it
	End(m Manifest) error                            // everything before agrees with the manifest, and its signature is good
}

// Read reads an archive to the end of the stream and checks counts, hashes and the signature. The error is ErrForeign, ErrDamaged, a *NewerError, or
// one of the stream or the sink.
func Read(src io.Reader, sink Sink) (Manifest, error) {
	r := &reader{src: src, sink: sink, all: sha256.New(), body: make([]byte, 0, 4096)}
	if err := r.begin(); err != nil {
		return Manifest{}, err
	}
	var err error
	if r.unpacker, err = newUnpacker(); err != nil {
		return Manifest{}, err
	}
	defer r.unpacker.close()
	for r.kind != kindManifest {
		if err := r.section(); err != nil {
			return Manifest{}, err
		}
	}
	return r.end()
}

type reader struct {
	src      io.Reader
	sink     Sink
	unpacker *unpacker
	header   Header
	tables   []Table
	media    Media
	all      hash.Hash // over all media

	kind byte // the record that was read last
	body []byte
}

// begin reads the header, and the record after it.
func (r *reader) begin() error {
	var begin [len(magic)]byte
	if _, err := io.ReadFull(r.src, begin[:]); ended(err) {
		return ErrForeign
	} else if err != nil {
		return err
	}
	if string(begin[:]) != magic {
		return ErrForeign
	}
	if err := r.next(); err != nil {
		return err
	}
	if r.kind != kindHeader || json.Unmarshal(r.body, &r.header) != nil || r.header.Format < 1 {
		return damaged("it has no header")
	}
	if r.header.Format > Format {
		return &NewerError{"format", r.header.Format, Format}
	}
	if !exactly(r.body, r.header) {
		return damaged("its header is malformed")
	}
	if err := r.sink.Begin(r.header); err != nil {
		return err
	}
	return r.next()
}

// exactly tells whether bytes are the one JSON that is written for v: nothing twice, nothing beside, no other spelling.
func exactly(b []byte, v any) bool {
	want, err := json.Marshal(v)
	return err == nil && bytes.Equal(b, want)
}

// section reads a table or a file, and the record after it.
func (r *reader) section() error {
	switch r.kind {
	case kindTable:
		return r.table()
	case kindMedia:
		return r.file()
	}
	return damaged("a record of the kind %q is out of place", r.kind)
}

func (r *reader) table() error {
	var t Table
	malformed := json.Unmarshal(r.body, &t) != nil || !exactly(r.body, t.named())
	if malformed || t.Name == "" || len(t.Columns) == 0 || len(r.tables) == maxTables {
		return damaged("a table's record is malformed")
	}
	if err := r.sink.Table(t.Name, t.Columns); err != nil {
		return err
	}
	content := r.content()
	row := make([]any, len(t.Columns))
	for {
		err := readRow(content, row)
		if errors.Is(err, io.EOF) {
			break
		}
		if err == nil {
			err = r.sink.Row(row)
		}
		if err != nil {
			return fmt.Errorf("table %s: %w", t.Name, err)
		}
		t.Rows++
	}
	t.SHA256 = hexOf(content.hash)
	r.tables = append(r.tables, t)
	return nil
}

func (r *reader) file() error {
	if len(r.body) != len(Sum{})+8 {
		return damaged("a file's record is malformed")
	}
	sum, size := Sum(r.body), int64(binary.BigEndian.Uint64(r.body[len(Sum{}):]))
	content := r.content()
	if err := r.sink.File(sum, size, content); err != nil {
		return err
	}
	if _, err := io.Copy(io.Discard, content); err != nil {
		return err
	}
	if content.size != size || Sum(content.hash.Sum(nil)) != sum {
		return damaged("a file's content is not what its name says")
	}
	r.media.Files++
	r.media.Bytes += size
	addMedia(r.all, sum, size)
	return nil
}

// end compares everything with the manifest, after which nothing may come.
func (r *reader) end() (Manifest, error) {
	m, err := parseManifest(r.body)
	if err != nil {
		return m, err
	}
	r.media.SHA256 = hexOf(r.all)
	if err := m.matches(r.header, r.tables, r.media); err != nil {
		return m, err
	}
	if n, err := io.ReadFull(r.src, make([]byte, 1)); n > 0 {
		return m, damaged("something was added at its end")
	} else if !errors.Is(err, io.EOF) {
		return m, err
	}
	return m, r.sink.End(m)
}

// next reads a record.
func (r *reader) next() error {
	var head [5]byte
	if _, err := io.ReadFull(r.src, head[:]); err != nil {
		return inside(err)
	}
	n := binary.BigEndian.Uint32(head[1:])
	if n > maxRecord {
		return damaged("a record of %d bytes", n)
	}
	if cap(r.body) < int(n) {
		r.body = make([]byte, n, maxRecord)
	}
	r.kind, r.body = head[0], r.body[:n]
	_, err := io.ReadFull(r.src, r.body)
	return inside(err)
}

func ended(err error) bool { return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) }

// content reads the blocks that come next, up to the next record of another kind.
func (r *reader) content() *content { return &content{r: r, hash: sha256.New()} }

// content is the bytes of a table or file.
type content struct {
	r    *reader
	rest []byte // of the last block
	hash hash.Hash
	size int64
	over bool
}

// fill makes sure that there are bytes to read; io.EOF where there are no more.
func (c *content) fill() error {
	if len(c.rest) > 0 {
		return nil
	}
	if c.over {
		return io.EOF
	}
	if err := c.r.next(); err != nil {
		return err
	}
	if c.r.kind != kindBlock {
		c.over = true
		return io.EOF
	}
	var err error
	if c.rest, err = c.r.unpacker.unpack(c.r.body); err != nil {
		return err
	}
	c.size += int64(len(c.rest))
	_, _ = c.hash.Write(c.rest) // a hash never fails
	return nil
}

func (c *content) Read(b []byte) (int, error) {
	if err := c.fill(); err != nil {
		return 0, err
	}
	n := copy(b, c.rest)
	c.rest = c.rest[n:]
	return n, nil
}

func (c *content) ReadByte() (byte, error) {
	if err := c.fill(); err != nil {
		return 0, err
	}
	b := c.rest[0]
	c.rest = c.rest[1:]
	return b, nil
}
