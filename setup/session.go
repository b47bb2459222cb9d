package setup

import (
	"encoding/base64"
	"io"
	"net/http"
	"slices"
	"time"
)

// A browser has one cookie. Until it shows a token it is a visitor's, which proves nothing but ties forms to this browser; with the token it
// gets a new one, whose hash is the session's.
const (
	plainCookie  = "beffroi-installation"
	secureCookie = "__Host-beffroi-installation"
	cookieBytes  = 16

	langCookie = "beffroi-langue"

	maxReplaced = 8 // sessions that are told that another screen goes on
)

// cookieName needs https for the prefix that ties a cookie to this very host.
func cookieName(secure bool) string {
	if secure {
		return secureCookie
	}
	return plainCookie
}

func newCookie(random io.Reader) (string, error) {
	b := make([]byte, cookieBytes)
	_, err := io.ReadFull(random, b)
	return base64.RawURLEncoding.EncodeToString(b), err
}

func cookieOf(name, value string, secure bool) *http.Cookie {
	return &http.Cookie{Name: name, Value: value, Path: "/", HttpOnly: true, Secure: secure,
		SameSite: http.SameSiteStrictMode, MaxAge: int(tokenLifetime.Seconds())}
}

// holds tells whether a cookie is the session's.
func (s *state) holds(cookie string, now time.Time) bool {
	return cookie != "" && s.Session == hashOf(cookie) && now.Before(s.Until)
}

// lost tells whether a cookie was the session's until another screen took over.
func (s *state) lost(cookie string) bool {
	return cookie != "" && slices.Contains(s.Replaced, hashOf(cookie))
}

// takeOver makes a cookie the session's.
func (s *state) takeOver(cookie string, now time.Time) {
	if s.Session != "" {
		s.Replaced = append(slices.Clip(s.Replaced), s.Session)
		s.Replaced = s.Replaced[max(0, len(s.Replaced)-maxReplaced):]
	}
	s.Session, s.Until = hashOf(cookie), now.Add(tokenLifetime)
}
