package archive

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"hash"
	"slices"

	"beffroi/server/pdu"
)

// Digest gives the hash of a table's rows as an archive would hold them.
type Digest struct {
	table Table
	hash  hash.Hash
	row   []byte
}

// NewDigest begins the digest of a table.
func NewDigest(name string, columns []string) *Digest {
	return &Digest{table: Table{Name: name, Columns: columns}, hash: sha256.New()}
}

// Row adds a row.
func (d *Digest) Row(row []any) (err error) {
	if d.row, err = appendRow(d.row[:0], row); err != nil {
		return err
	}
	d.table.Rows++
	_, _ = d.hash.Write(d.row) // a hash never fails
	return nil
}

// Table is the table with the rows so far.
func (d *Digest) Table() Table {
	t := d.table
	t.SHA256 = hexOf(d.hash)
	return t
}

// Equal tells whether two tables are the same.
func (t Table) Equal(o Table) bool {
	return t.Name == o.Name && slices.Equal(t.Columns, o.Columns) && t.Rows == o.Rows && t.SHA256 == o.SHA256
}

// Of tells whether this is the public half of a key.
func (k Key) Of(private ed25519.PrivateKey) bool {
	public, err := pdu.DecodeBase64(k.Public)
	return err == nil && len(private) == ed25519.PrivateKeySize && bytes.Equal(private.Public().(ed25519.PublicKey), public)
}
