package archive

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
)

// The first byte of a value tells its type. FORMAT.md, "Rows".
const (
	valueNull = iota
	valueInteger
	valueReal
	valueText
	valueBlob
)

// appendRow encodes a row's values: nil, int64, float64, string and []byte, as SQLite knows them.
func appendRow(dst []byte, row []any) ([]byte, error) {
	for _, v := range row {
		switch v := v.(type) {
		case nil:
			dst = append(dst, valueNull)
		case int64:
			dst = binary.AppendVarint(append(dst, valueInteger), v)
		case float64:
			dst = binary.BigEndian.AppendUint64(append(dst, valueReal), math.Float64bits(v))
		case string:
			dst = append(binary.AppendUvarint(append(dst, valueText), uint64(len(v))), v...)
		case []byte:
			dst = append(binary.AppendUvarint(append(dst, valueBlob), uint64(len(v))), v...)
		default:
			return dst, fmt.Errorf("a value of type %T can't be written to an archive", v)
		}
	}
	return dst, nil
}

// rowSource is where rows are read from.
type rowSource interface {
	io.Reader
	io.ByteReader
}

// readRow decodes a row. io.EOF stands for the end of the table, where no row begins.
func readRow(r rowSource, row []any) error {
	for i := range row {
		v, err := readValue(r)
		if i == 0 && errors.Is(err, io.EOF) {
			return io.EOF
		}
		if err != nil {
			return inside(err)
		}
		row[i] = v
	}
	return nil
}

// inside is the error for a stream that ends where it must not.
func inside(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return damaged("it ends in the middle")
	}
	return err
}

func readValue(r rowSource) (any, error) {
	kind, err := r.ReadByte()
	if err != nil {
		return nil, err
	}
	v, err := readTyped(r, kind)
	if err != nil {
		return nil, inside(err)
	}
	return v, nil
}

func readTyped(r rowSource, kind byte) (any, error) {
	switch kind {
	case valueNull:
		return nil, nil
	case valueInteger:
		n, err := binary.ReadVarint(r)
		return n, overflow(err)
	case valueReal:
		var b [8]byte
		_, err := io.ReadFull(r, b[:])
		return math.Float64frombits(binary.BigEndian.Uint64(b[:])), err
	case valueText:
		b, err := readBytes(r)
		return string(b), err
	case valueBlob:
		return readBytes(r)
	}
	return nil, damaged("a value of the unknown type %d", kind)
}

// overflow turns the error for a number of more than 64 bits, which encoding/binary doesn't export.
func overflow(err error) error {
	if err == nil || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, ErrDamaged) {
		return err
	}
	return damaged("a number that is too large")
}

// readBytes takes memory as the bytes arrive, not as their announced length says.
func readBytes(r rowSource) ([]byte, error) {
	n, err := binary.ReadUvarint(r)
	if err != nil {
		return nil, overflow(err)
	}
	if n > maxValue {
		return nil, damaged("a value of %d bytes", n)
	}
	if n <= blockSize {
		b := make([]byte, n)
		_, err := io.ReadFull(r, b)
		return b, err
	}
	var b bytes.Buffer
	_, err = io.CopyN(&b, r, int64(n))
	return b.Bytes(), err
}
