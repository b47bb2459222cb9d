package archive

import (
	"github.com/klauspost/compress/zstd"
)

// How a block's content is written.
const (
	methodStored = iota
	methodZstd
)

// packer compresses blocks, each by itself.
type packer struct {
	zstd *zstd.Encoder
	out  []byte
}

func newPacker() (*packer, error) {
	e, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(blockSize), zstd.WithLowerEncoderMem(true),
		zstd.WithEncoderCRC(false)) // the hashes and age look after the content
	return &packer{zstd: e}, err
}

// pack gives the body of a block's record; it is good until the next call. What compression doesn't make smaller is stored as it is.
func (p *packer) pack(content []byte) []byte {
	p.out = p.zstd.EncodeAll(content, append(p.out[:0], methodZstd))
	if len(p.out) > len(content) {
		p.out = append(append(p.out[:0], methodStored), content...)
	}
	return p.out
}

// unpacker reads blocks.
type unpacker struct {
	zstd *zstd.Decoder
	out  []byte
}

func newUnpacker() (*unpacker, error) {
	d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
		zstd.WithDecoderMaxMemory(blockSize), zstd.WithDecoderMaxWindow(blockSize))
	return &unpacker{zstd: d}, err
}

func (u *unpacker) close() { u.zstd.Close() }

// unpack gives a block's content; it is good until the next call.
func (u *unpacker) unpack(body []byte) ([]byte, error) {
	if len(body) < 2 {
		return nil, damaged("an empty block")
	}
	content := body[1:]
	switch body[0] {
	case methodStored:
	case methodZstd:
		var err error
		if u.out, err = u.zstd.DecodeAll(content, u.out[:0]); err != nil {
			return nil, damaged("a block can't be unpacked: %v", err)
		}
		content = u.out
	default:
		return nil, damaged("a block of the unknown method %d", body[0])
	}
	if len(content) == 0 || len(content) > blockSize {
		return nil, damaged("a block of %d bytes", len(content))
	}
	return content, nil
}
