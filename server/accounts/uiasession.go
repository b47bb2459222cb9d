package accounts

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"io"
	"slices"
	"time"

	"beffroi/server/merr"
)

const (
	uiaLifetime = 15 * time.Minute
	maxUIA      = 1024 // sessions in a generation

	uiaNonceSize = 9
	uiaIDSize    = uiaNonceSize + 8 + macSize
)

// uia makes the sessions of user-interactive authentication. Their ids tell operation and expiry under a MAC: nothing is remembered of a session but
// what was proven in it while more is asked for. So strangers who begin many push out nobody's.
type uia struct {
	now    func() time.Time
	random io.Reader
	secret []byte
	begun  *recent[string, uiaSession]
}

// uiaSession is what a client proved for one operation.
type uiaSession struct {
	id     string
	expiry time.Time
	begun  bool   // it is remembered
	proven Proven // never changed in place
}

func newUIA(now func() time.Time, random io.Reader, secret []byte) *uia {
	return &uia{now: now, random: random, secret: secret, begun: newRecent[string, uiaSession](maxUIA)}
}

// session gives the session that the client names, or begins one. 403 M_FORBIDDEN: it is another operation's.
func (u *uia) session(op Operation, id string) (*uiaSession, error) {
	raw, err := base64.RawURLEncoding.DecodeString(id)
	if err != nil || len(raw) != uiaIDSize {
		return u.begin(op)
	}
	if !hmac.Equal(raw[uiaIDSize-macSize:], u.mac(op, raw[:uiaIDSize-macSize])) {
		return nil, merr.Forbidden("This session was begun for another operation")
	}
	expiry := time.Unix(int64(binary.BigEndian.Uint64(raw[uiaNonceSize:])), 0)
	if !u.now().Before(expiry) {
		return u.begin(op)
	}
	if session, ok := u.begun.get(id); ok {
		return &session, nil
	}
	return &uiaSession{id: id, expiry: expiry}, nil
}

func (u *uia) begin(op Operation) (*uiaSession, error) {
	raw, err := randomBytes(u.random, uiaNonceSize)
	if err != nil {
		return nil, err
	}
	session := &uiaSession{expiry: u.now().Add(uiaLifetime)}
	raw = binary.BigEndian.AppendUint64(raw, uint64(session.expiry.Unix()))
	session.id = base64.RawURLEncoding.EncodeToString(append(raw, u.mac(op, raw)...))
	return session, nil
}

// keep remembers a session in which something was proven.
func (u *uia) keep(session *uiaSession) {
	if len(session.proven) > 0 {
		session.begun = true
		u.begun.put(session.id, *session)
	}
}

// mac binds an id to its operation. Neither methods nor user ids have a zero byte.
func (u *uia) mac(op Operation, payload []byte) []byte {
	h := hmac.New(sha256.New, u.secret)
	h.Write([]byte("uia\x00"))
	h.Write(payload)
	h.Write([]byte(op.Method + "\x00" + op.UserID + "\x00" + op.Path))
	return h.Sum(nil)[:macSize]
}

// holding counts the sessions that have proven something and still must prove more.
func (u *uia) holding(kind, of string) (n int64) {
	now := u.now()
	u.begun.each(func(session uiaSession) {
		if now.Before(session.expiry) && slices.ContainsFunc(session.proven, func(p proof) bool { return p.stage.Type == kind && p.of == of }) {
			n++
		}
	})
	return n
}
