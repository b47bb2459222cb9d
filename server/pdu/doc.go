// Package pdu is the law of rooms: the bytes of events, their hashes,
// identifiers, signatures, limits and redaction, per room version. It is pure:
// no I/O, no clock, no state.
//
// Bytes from outside become a *Received, which proves nothing but its form;
// only Build, FromStore and Received.Verify yield an *Event. Both are
// immutable: slices that accessors return must not be written to.
//
// Spec: server-server API, "PDUs" and "Signing Events"; appendices, "Signing
// JSON"; the room version chapters.
package pdu
