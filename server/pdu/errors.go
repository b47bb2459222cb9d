package pdu

import (
	"errors"
	"fmt"
)

// What can be wrong with bytes, to be asked with errors.Is. The errors that
// this package returns wrap one of these and say where and why.
var (
	// ErrNotJSON: no JSON at all (M_NOT_JSON).
	ErrNotJSON = errors.New("not JSON")
	// ErrBadJSON: JSON, but not what is allowed here: duplicate keys, numbers
	// that Canonical JSON forbids, missing or ill-typed fields (M_BAD_JSON).
	ErrBadJSON = errors.New("bad JSON")
	// ErrTooLarge: over a size limit of the event format (M_TOO_LARGE).
	ErrTooLarge = errors.New("event too large")
	// ErrSignature: a signature that must be there is missing or wrong.
	ErrSignature = errors.New("bad signature")
)

func badf(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrBadJSON, fmt.Sprintf(format, args...))
}

func tooLargef(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrTooLarge, fmt.Sprintf(format, args...))
}

func signaturef(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrSignature, fmt.Sprintf(format, args...))
}
