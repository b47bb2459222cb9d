package archive

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
)

// Writer writes an archive. After an error it is of no use any more.
type Writer struct {
	dst      io.Writer
	packer   *packer
	manifest Manifest
	block    []byte  // content that waits for its block to be full
	table    *Digest // of the table under way, nil for none
	media    hash.Hash
}

// NewWriter begins an archive. The header's format is set.
func NewWriter(dst io.Writer, h Header) (*Writer, error) {
	h.Format = Format
	p, err := newPacker()
	if err != nil {
		return nil, err
	}
	w := &Writer{dst: dst, packer: p, manifest: Manifest{Header: h}, block: make([]byte, 0, blockSize), media: sha256.New()}
	if _, err := io.WriteString(dst, magic); err != nil {
		return nil, err
	}
	return w, w.recordJSON(kindHeader, h)
}

// Table begins a table.
func (w *Writer) Table(name string, columns []string) error {
	if err := w.end(); err != nil {
		return err
	}
	w.table = NewDigest(name, columns)
	return w.recordJSON(kindTable, w.table.table.named())
}

// named is what a table's record says.
func (t Table) named() any {
	return struct {
		Name    string   `json:"name"`
		Columns []string `json:"columns"`
	}{t.Name, t.Columns}
}

// Row adds a row to the table. Its values are nil, int64, float64, string or []byte, one for each column.
func (w *Writer) Row(row []any) error {
	if t := w.table.table; len(row) != len(t.Columns) {
		return fmt.Errorf("a row of %d values in table %s", len(row), t.Name)
	}
	if err := w.table.Row(row); err != nil {
		return err
	}
	return w.content(w.table.row)
}

// File adds a file of the content repository. That its bytes are not those that hash and size say is an error.
func (w *Writer) File(sum Sum, size int64, bytes io.Reader) error {
	if err := w.end(); err != nil {
		return err
	}
	if err := w.record(kindMedia, mediaBody(sum, size)); err != nil {
		return err
	}
	hash := sha256.New()
	n, err := io.Copy(contentWriter{w}, io.TeeReader(bytes, hash))
	if err != nil {
		return err
	}
	if n != size || Sum(hash.Sum(nil)) != sum {
		return fmt.Errorf("file %x changed while it was read", sum)
	}
	w.manifest.Media.Files++
	w.manifest.Media.Bytes += size
	addMedia(w.media, sum, size)
	return nil
}

// Missing counts a file that the database names and that can't be had.
func (w *Writer) Missing() { w.manifest.Media.Missing++ }

// Close ends the archive with the manifest, signed by the server's key.
func (w *Writer) Close(keyID string, key ed25519.PrivateKey) (Manifest, error) {
	if err := w.end(); err != nil {
		return Manifest{}, err
	}
	w.manifest.Media.SHA256 = hexOf(w.media)
	w.manifest.Key.ID = keyID
	signed, err := w.manifest.sign(key)
	if err != nil {
		return Manifest{}, err
	}
	return w.manifest, errors.Join(w.record(kindManifest, signed), w.packer.zstd.Close())
}

// end writes the last block of the table or file under way.
func (w *Writer) end() error {
	if err := w.flush(); err != nil {
		return err
	}
	if w.table != nil {
		w.manifest.Tables = append(w.manifest.Tables, w.table.Table())
		w.table = nil
	}
	return nil
}

type contentWriter struct{ *Writer }

func (w contentWriter) Write(b []byte) (int, error) { return len(b), w.content(b) }

// content adds bytes to the block under way, and writes each that is full.
func (w *Writer) content(b []byte) error {
	for len(b) > 0 {
		n := min(len(b), blockSize-len(w.block))
		w.block = append(w.block, b[:n]...)
		b = b[n:]
		if len(w.block) < blockSize {
			return nil
		}
		if err := w.flush(); err != nil {
			return err
		}
	}
	return nil
}

func (w *Writer) flush() error {
	if len(w.block) == 0 {
		return nil
	}
	err := w.record(kindBlock, w.packer.pack(w.block))
	w.block = w.block[:0]
	return err
}

func (w *Writer) recordJSON(kind byte, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return w.record(kind, body)
}

func (w *Writer) record(kind byte, body []byte) error {
	if len(body) > maxRecord {
		return fmt.Errorf("a record of %d bytes is too large", len(body))
	}
	if _, err := w.dst.Write(binary.BigEndian.AppendUint32([]byte{kind}, uint32(len(body)))); err != nil {
		return err
	}
	_, err := w.dst.Write(body)
	return err
}
