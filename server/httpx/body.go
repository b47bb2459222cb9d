package httpx

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"reflect"
	"strings"
	"unicode/utf8"

	"beffroi/server/merr"
)

// limited gives a route's limit of the body, and holds the body to it.
func limited(w http.ResponseWriter, r *http.Request, limit int64) int64 {
	if limit == 0 {
		limit = LimitGeneral
	}
	if limit > 0 {
		r.Body = http.MaxBytesReader(w, r.Body, limit)
	}
	return limit
}

// ReadBody reads the whole body within the route's limit: 413 M_TOO_LARGE beyond it.
func (r *Request[S]) ReadBody() ([]byte, error) {
	if r.Origin != "" {
		return r.body, nil
	}
	readWithin(r.Writer, min(r.ContentLength, r.limit))
	b, err := r.readAll()
	var over *http.MaxBytesError
	if errors.As(err, &over) {
		return nil, merr.TooLarge("The request is larger than %d bytes", over.Limit)
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return nil, merr.New(http.StatusRequestTimeout, "M_UNKNOWN", "The request came too slowly").Because(err)
	}
	if merr.Is(err, "M_LIMIT_EXCEEDED") {
		return nil, err
	}
	if err != nil {
		return nil, merr.New(http.StatusBadRequest, "M_UNKNOWN", "The request could not be read").Because(err)
	}
	readWhenever(r.Writer)
	r.Moves(len(b))
	return b, nil
}

// readAll reads the body; that of a signed request within what bodies may hold.
func (r *Request[S]) readAll() ([]byte, error) {
	if r.share == nil {
		return io.ReadAll(r.Body)
	}
	return r.share.ReadAll(r.Context(), r.Body)
}

// release gives back what the body of a signed request held.
func (r *Request[S]) release() {
	if r.share != nil {
		r.share.Leave()
		r.body = nil
	}
}

// Decode reads a JSON object into v: M_NOT_JSON where the body is no JSON, M_BAD_JSON where it is of another shape.
func (r *Request[S]) Decode(v any) error {
	b, err := r.ReadBody()
	if err != nil {
		return err
	}
	return DecodeObject(b, v)
}

// DecodeOptional is Decode for endpoints whose body may be empty.
func (r *Request[S]) DecodeOptional(v any) error {
	b, err := r.ReadBody()
	if err != nil || len(b) == 0 {
		return err
	}
	return DecodeObject(b, v)
}

// ReadObject reads a JSON object as the bytes that were sent.
func (r *Request[S]) ReadObject() (json.RawMessage, error) {
	var raw json.RawMessage
	b, err := r.ReadBody()
	if err != nil {
		return nil, err
	}
	return raw, errors.Join(DecodeObject(b, &struct{}{}), json.Unmarshal(b, &raw))
}

// DecodeObject is Decode over bytes.
func DecodeObject(b []byte, v any) error {
	if !utf8.Valid(b) {
		return merr.NotJSON("The body is not UTF-8")
	}
	if deep(b) {
		return merr.BadJSON("More than %d levels lie within each other", maxNesting)
	}
	if !json.Valid(b) {
		return merr.NotJSON("The body is not JSON")
	}
	if err := interoperable(b); err != nil {
		return err
	}
	if firstByte(b) != '{' {
		return merr.BadJSON("The body is not a JSON object")
	}
	if err := json.Unmarshal(b, v); err != nil {
		return badShape(err, v)
	}
	return nil
}

func badShape(err error, v any) error {
	var wrong *json.UnmarshalTypeError
	if errors.As(err, &wrong) && wrong.Field != "" {
		return merr.BadJSON("%s has the wrong type: %s", inBody(wrong.Field, v), wrong.Value).Because(err)
	}
	return merr.BadJSON("The body has the wrong shape").Because(err)
}

// inBody gives the path of a field as the body has it: encoding/json names the Go structs that are embedded in v as well.
func inBody(field string, v any) string {
	outer, inner, nested := strings.Cut(field, ".")
	if t := reflect.TypeOf(v).Elem(); nested && t.Kind() == reflect.Struct {
		if f, ok := t.FieldByName(outer); ok && f.Anonymous {
			return inner
		}
	}
	return field
}

func firstByte(b []byte) byte {
	for _, c := range b {
		if c != ' ' && c != '\t' && c != '\n' && c != '\r' {
			return c
		}
	}
	return 0
}
