// Package archive reads and writes the plain form of a backup: tables row by row, media, and a signed manifest, as one stream of
// records. It knows neither files nor encryption nor SQL, and needs the memory of a few blocks whatever the size.
//
// The format: ../FORMAT.md.
package archive

import (
	"errors"
	"fmt"
)

// Format is the version of the format that this package writes, and the highest that it reads.
const Format = 1

const (
	magic = "beffroi archive\n"

	blockSize = 1 << 20         // bytes of content in a block, before compression
	maxRecord = blockSize + 512 // bytes of a record's body
	maxValue  = 64 << 20        // bytes of a text or blob
	maxTables = 1000
)

// The kinds of records.
const (
	kindHeader   = 'H'
	kindTable    = 'T'
	kindMedia    = 'M'
	kindBlock    = 'B'
	kindManifest = 'E'
)

// Header is what an archive says of itself before its content. The manifest repeats it under the signature.
type Header struct {
	Format     int    `json:"format"`
	Schema     int    `json:"schema"` // the version of the database's schema
	ServerName string `json:"server_name"`
	Created    int64  `json:"created"` // milliseconds since the Unix epoch
	Program    string `json:"program"` // which version of Beffroi wrote it
}

// Manifest is what an archive holds, signed by the server.
type Manifest struct {
	Header
	Tables []Table `json:"tables"`
	Media  Media   `json:"media"`
	Key    Key     `json:"key"` // that signs this
}

// Table is a table in the order of its primary key.
type Table struct {
	Name    string   `json:"name"`
	Columns []string `json:"columns"`
	Rows    int64    `json:"rows"`
	SHA256  string   `json:"sha256"` // of its encoded rows, hexadecimal
}

// Media is what the archive has of the content repository, by content.
type Media struct {
	Files   int64  `json:"files"`
	Bytes   int64  `json:"bytes"`
	SHA256  string `json:"sha256"`  // of the files' hashes and sizes, see FORMAT.md
	Missing int64  `json:"missing"` // files that the database names and that were not there, or damaged
}

// Key is the public half of the signing key.
type Key struct {
	ID     string `json:"id"`     // ed25519:abcd
	Public string `json:"public"` // unpadded Base64
}

var (
	// ErrForeign says that a stream is no archive of Beffroi.
	ErrForeign = errors.New("not an archive of Beffroi")
	// ErrDamaged says that an archive was damaged or tampered with.
	ErrDamaged = errors.New("the archive is damaged or was changed")
)

// NewerError says that an archive needs a newer version of Beffroi.
type NewerError struct {
	What       string // "format" or "schema"
	Has, Known int
}

func (e *NewerError) Error() string {
	return fmt.Sprintf("the archive has %s %d, this version of Beffroi knows %d", e.What, e.Has, e.Known)
}

func damaged(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrDamaged, fmt.Sprintf(format, args...))
}
