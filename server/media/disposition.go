package media

import (
	"mime"
	"slices"
	"strings"
)

// Disposition is the file's Content-Disposition: inline for types that browsers can't be attacked with, else attachment. The name is written as RFC 6266 wants it, RFC 5987 included.
func (f *File) Disposition() string {
	kind := "attachment"
	if essence, _, err := mime.ParseMediaType(f.ContentType); err == nil && slices.Contains(inlineTypes(), essence) {
		kind = "inline"
	}
	if f.Name == "" {
		return kind
	}
	return mime.FormatMediaType(kind, map[string]string{"filename": f.Name})
}

// Spec: client-server API, "Serving inline content".
func inlineTypes() []string {
	return strings.Fields(`text/css text/plain text/csv application/json application/ld+json
		image/jpeg image/gif image/png image/apng image/webp image/avif
		video/mp4 video/webm video/ogg video/quicktime
		audio/mp4 audio/webm audio/aac audio/mpeg audio/ogg audio/wave audio/wav audio/x-wav audio/x-pn-wav audio/flac audio/x-flac`)
}
