package accounts

import (
	"strings"
	"testing"
	"time"
)

func FuzzUIASession(f *testing.F) {
	u := newUIA(time.Now, zero{}, []byte("secret"))
	op := Operation{Method: "POST", Path: "/x"}
	begun, err := u.begin(op)
	if err != nil {
		f.Fatal(err)
	}
	for _, id := range []string{"", "x", begun.id, begun.id[1:], "é"} {
		f.Add(id)
	}
	f.Fuzz(func(t *testing.T, id string) {
		session, err := u.session(op, id)
		if err == nil && (len(session.proven) != 0 || session.begun || session.id == id && strings.NewReplacer("\r", "", "\n", "").Replace(id) != begun.id) {
			t.Error(id, "is taken for a session of ours")
		}
	})
}

type zero struct{}

func (zero) Read(b []byte) (int, error) {
	clear(b)
	return len(b), nil
}
