// Package merr holds the one kind of error that crosses Beffroi's layers: what the client may read
// (a Matrix error code, an HTTP status and a sentence) together with the private cause for the log.
//
// Source: client-server API, "Standard error response".
package merr

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
)

// Error is a public Matrix error with a private cause.
type Error struct {
	Status int            // HTTP status
	Code   string         // errcode, for example M_FORBIDDEN
	Text   string         // what the client may read
	Extra  map[string]any // further members of the JSON body, for example retry_after_ms
	cause  error          // never sent
}

// New makes an error without a private cause.
func New(status int, code, format string, args ...any) *Error {
	text := format
	if len(args) > 0 {
		text = fmt.Sprintf(format, args...)
	}
	return &Error{Status: status, Code: code, Text: text}
}

// Because returns a copy of e with its private cause.
func (e *Error) Because(cause error) *Error {
	c := *e
	c.cause = cause
	return &c
}

// With returns a copy of e with one more member in its JSON body.
func (e *Error) With(key string, value any) *Error {
	c := *e
	c.Extra = maps.Clone(e.Extra)
	if c.Extra == nil {
		c.Extra = map[string]any{}
	}
	c.Extra[key] = value
	return &c
}

// Error gives the code, the text and the cause: for logs, never for clients.
func (e *Error) Error() string {
	if e.cause != nil {
		return e.Code + ": " + e.Text + ": " + e.cause.Error()
	}
	return e.Code + ": " + e.Text
}

// Unwrap gives the private cause.
func (e *Error) Unwrap() error { return e.cause }

// MarshalJSON gives the body of the response: errcode, error and the extra members; never the cause.
// Without a code (the first answer of user-interactive authentication) there are only the extra members.
func (e *Error) MarshalJSON() ([]byte, error) {
	body := maps.Clone(e.Extra)
	if body == nil {
		body = map[string]any{}
	}
	if e.Code != "" {
		body["errcode"], body["error"] = e.Code, e.Text
	}
	return json.Marshal(body)
}

// From finds the public error in err. What has none becomes a 500 M_UNKNOWN that tells nothing.
func From(err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return New(http.StatusInternalServerError, "M_UNKNOWN", "Internal server error").Because(err)
}

// Is tells whether err carries the given errcode.
func Is(err error, code string) bool {
	var e *Error
	return errors.As(err, &e) && e.Code == code
}

// The errors that many places need. Each takes the sentence for the client.

// Forbidden is 403 M_FORBIDDEN.
func Forbidden(format string, args ...any) *Error {
	return New(http.StatusForbidden, "M_FORBIDDEN", format, args...)
}

// NotFound is 404 M_NOT_FOUND.
func NotFound(format string, args ...any) *Error {
	return New(http.StatusNotFound, "M_NOT_FOUND", format, args...)
}

// BadJSON is 400 M_BAD_JSON: JSON of the wrong shape.
func BadJSON(format string, args ...any) *Error {
	return New(http.StatusBadRequest, "M_BAD_JSON", format, args...)
}

// NotJSON is 400 M_NOT_JSON: not JSON at all.
func NotJSON(format string, args ...any) *Error {
	return New(http.StatusBadRequest, "M_NOT_JSON", format, args...)
}

// InvalidParam is 400 M_INVALID_PARAM.
func InvalidParam(format string, args ...any) *Error {
	return New(http.StatusBadRequest, "M_INVALID_PARAM", format, args...)
}

// MissingParam is 400 M_MISSING_PARAM.
func MissingParam(format string, args ...any) *Error {
	return New(http.StatusBadRequest, "M_MISSING_PARAM", format, args...)
}

// TooLarge is 413 M_TOO_LARGE.
func TooLarge(format string, args ...any) *Error {
	return New(http.StatusRequestEntityTooLarge, "M_TOO_LARGE", format, args...)
}

// UnknownToken is 401 M_UNKNOWN_TOKEN. With softLogout the client keeps its encryption keys and logs in again.
func UnknownToken(softLogout bool) *Error {
	e := New(http.StatusUnauthorized, "M_UNKNOWN_TOKEN", "Access token is unknown or has expired")
	return e.With("soft_logout", softLogout)
}
