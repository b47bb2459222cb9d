package server

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/rs/zerolog"

	"beffroi/server/config"
)

func TestPagesAnswerWhereTheAPIDoesNot(t *testing.T) {
	cfg := config.Default()
	cfg.DataDir = t.TempDir()
	cfg.ServerName = "mairie.fr"
	pages := func(serverName, commune string) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(w, "page of "+serverName+commune+" at "+r.URL.Path)
		})
	}
	s, err := New(t.Context(), cfg, zerolog.Nop(), WithPages(pages))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	for path, want := range map[string]string{
		"/":                         "page of mairie.fr at /",
		"/salon/x":                  "page of mairie.fr at /salon/x",
		"/_matrixology":             "page of mairie.fr at /_matrixology",
		"/_matrix/client/versions":  `{"unstable_features"`,
		"/_matrix/client/nowhere":   `{"errcode":"M_UNRECOGNIZED"`,
		"/_matrix":                  `{"errcode":"M_UNRECOGNIZED"`,
		"/_synapse/x":               `{"errcode":"M_UNRECOGNIZED"`,
		"/_beffroi/x":               `{"errcode":"M_UNRECOGNIZED"`,
		"/.well-known/matrix/other": `{"errcode":"M_UNRECOGNIZED"`,
	} {
		w := httptest.NewRecorder()
		s.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		if !strings.HasPrefix(w.Body.String(), want) {
			t.Errorf("%s: %d %s, want %s", path, w.Code, w.Body, want)
		}
	}
}
