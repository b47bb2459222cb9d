package adminapi

import (
	"bytes"
	"context"
	"net/http"
	"slices"

	"beffroi/server/federation/selftest"
	"beffroi/server/federation/sheet"
	"beffroi/server/httpx"
	"beffroi/server/merr"
)

// Partners is what partners' managers need of this server, and a look at it, or at theirs, from outside.
type Partners interface {
	Sheet(ctx context.Context) (*sheet.Sheet, error)
	Test(ctx context.Context, server string) ([]selftest.Finding, error)
}

func (a *API) partnerCalls() []Call {
	const v1 = "/_beffroi/admin/v1/federation"
	return []Call{
		call("GET", v1+"/sheet", Reads, "the connection sheet: names, addresses, public keys, contacts; `format` is json, text, toml or page, `lang` fr or en", a.sheet),
		call("POST", v1+"/test", Reads, "`{server, lang}`: asks a server, or this one where none is named, as others would; answers `{findings: [{verdict, found, do}]}`, verdict is good, odd or bad", a.testPartner),
	}
}

func (a *API) sheet(r *request) (any, error) {
	q := r.URL.Query()
	format, lang, err := choose(q.Get("format"), q.Get("lang"))
	if err != nil {
		return nil, err
	}
	s, err := a.Partners.Sheet(r.Context())
	if err != nil || format == "json" {
		return s, err
	}
	var b bytes.Buffer
	return file{sheet.ContentType(format), &b}, s.Write(&b, format, lang)
}

func choose(format, lang string) (string, string, error) {
	if format == "" {
		format = "json"
	}
	if lang == "" {
		lang = "fr"
	}
	if !slices.Contains(sheet.Formats(), format) || lang != "fr" && lang != "en" {
		return "", "", merr.InvalidParam("format is json, text, toml or page, lang is fr or en")
	}
	return format, lang, nil
}

// file is an answer that is no JSON.
type file struct {
	kind string
	*bytes.Buffer
}

// Respond implements httpx.Responder.
func (f file) Respond(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", f.kind)
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; sandbox")
	httpx.WriteWithin(w, int64(f.Len()))
	_, _ = w.Write(f.Bytes()) // who left is no error of ours
}

func (a *API) testPartner(r *request) (any, error) {
	var q struct {
		Server string `json:"server"`
		Lang   string `json:"lang"`
	}
	if err := r.DecodeOptional(&q); err != nil {
		return nil, err
	}
	_, lang, err := choose("", q.Lang)
	if err != nil {
		return nil, err
	}
	if q.Server == "" {
		q.Server = a.ServerName
	}
	findings, err := a.Partners.Test(r.Context(), q.Server)
	if err != nil {
		return nil, err
	}
	words, err := selftest.Say(findings, lang)
	return map[string]any{"findings": words}, err
}
