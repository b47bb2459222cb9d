package sheet

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	"html/template"
	"io"
	"slices"
	"text/tabwriter"
	texttemplate "text/template"
	"time"

	"github.com/BurntSushi/toml"

	"beffroi/server/look"
)

//go:embed messages page.html page.txt
var embedded embed.FS

// Formats are the forms of a sheet: for a terminal or a mail, for programs, for the file of a gateway, for paper.
func Formats() []string { return []string{"text", "json", "toml", "page"} }

// ContentType is that of a format.
func ContentType(format string) string {
	switch format {
	case "json":
		return "application/json"
	case "toml":
		return "application/toml"
	case "page":
		return "text/html; charset=utf-8"
	}
	return "text/plain; charset=utf-8"
}

// Write writes the sheet in one of the formats; lang is "fr" or "en", and counts for text and page only.
func (s *Sheet) Write(w io.Writer, format, lang string) error {
	switch format {
	case "json":
		enc := json.NewEncoder(w)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", "  ")
		return enc.Encode(s)
	case "toml":
		return toml.NewEncoder(w).Encode(s)
	case "text":
		return s.writeText(w, lang)
	case "page":
		return s.writePage(w, lang)
	}
	return fmt.Errorf("sheet: no format %q", format)
}

// view is what the templates show.
type view struct {
	*Sheet
	Lang, Style string
}

func (s *Sheet) writeText(w io.Writer, lang string) error {
	say, err := look.Say(embedded, "messages", lang)
	if err != nil {
		return err
	}
	page, err := texttemplate.New("page.txt").Funcs(texttemplate.FuncMap{"t": say, "date": date}).ParseFS(embedded, "page.txt")
	if err != nil {
		return err
	}
	columns := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	if err := page.Execute(columns, view{Sheet: s, Lang: lang}); err != nil {
		return err
	}
	return columns.Flush()
}

func (s *Sheet) writePage(w io.Writer, lang string) error {
	say, err := look.Say(embedded, "messages", lang)
	if err != nil {
		return err
	}
	style, err := look.Text(look.Style)
	if err != nil {
		return err
	}
	css := func() template.CSS { return template.CSS(style) } //nolint:gosec // ours
	page, err := template.New("page.html").Funcs(template.FuncMap{"t": say, "date": date, "style": css}).ParseFS(embedded, "page.html")
	if err != nil {
		return err
	}
	var b bytes.Buffer
	if err := page.Execute(&b, view{Sheet: s, Lang: lang}); err != nil {
		return err
	}
	_, err = b.WriteTo(w)
	return err
}

// date writes a day as both languages read it.
func date(t time.Time) string { return t.Format(time.DateOnly) }

// Day is when a key went out of use, for the message that says so.
func (k Key) Day() map[string]string { return map[string]string{"Day": date(*k.Expired)} }

// RoleKey is the message with a contact's role.
func (c Contact) RoleKey() string {
	if known := []string{"m.role.admin", "m.role.security"}; slices.Contains(known, c.Role) {
		return "role_" + c.Role[len("m.role."):]
	}
	return "role_other"
}
