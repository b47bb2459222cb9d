package server_test

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"math/big"
	"net/http"
	"strings"
	"testing"
	"time"

	"beffroi/server/servertest"
)

// pushService is a push service (RFC 8030) and a browser that reads what comes.
type pushService struct {
	t       *testing.T
	url     string
	key     *ecdh.PrivateKey
	auth    []byte
	option  servertest.Option
	came    chan pushed
	answers chan int
}

type pushed struct {
	header http.Header
	size   int
	body   map[string]any
}

func newPushService(t *testing.T) *pushService {
	t.Helper()
	key, err := ecdh.P256().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p := &pushService{t: t, key: key, auth: []byte("0123456789abcdef"), came: make(chan pushed, 100), answers: make(chan int, 100)}
	var authorities string
	p.url, authorities = servertest.ServeTLS(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		plain, err := p.decrypt(body)
		came := pushed{header: r.Header, size: len(body)}
		if err = errors.Join(err, json.Unmarshal(plain, &came.body)); err != nil {
			t.Errorf("%q: %v", plain, err)
		}
		p.came <- came
		select {
		case status := <-p.answers:
			w.WriteHeader(status)
		default:
			w.WriteHeader(http.StatusCreated)
		}
	}))
	p.option = servertest.PushesTo(authorities)
	return p
}

// decrypt is the client's half of RFC 8291.
func (p *pushService) decrypt(message []byte) ([]byte, error) {
	salt, size, length := message[:16], binary.BigEndian.Uint32(message[16:]), message[20]
	if int(length) != 65 || len(message) > 4096 || len(message)%1024 != 0 || int(size) < len(message)-86 {
		return nil, errors.New("a wrong header")
	}
	from, err := ecdh.P256().NewPublicKey(message[21:86])
	if err != nil {
		return nil, err
	}
	shared, err := p.key.ECDH(from)
	if err != nil {
		return nil, err
	}
	derive := func(secret, salt []byte, info string, n int) []byte {
		k, failed := hkdf.Key(sha256.New, secret, salt, info, n)
		err = errors.Join(err, failed)
		return k
	}
	ikm := derive(shared, p.auth, "WebPush: info\x00"+string(p.key.PublicKey().Bytes())+string(from.Bytes()), 32)
	block, failed := aes.NewCipher(derive(ikm, salt, "Content-Encoding: aes128gcm\x00", 16))
	if err = errors.Join(err, failed); err != nil {
		return nil, err
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		return nil, err
	}
	record, err := gcm.Open(nil, derive(ikm, salt, "Content-Encoding: nonce\x00", 12), message[86:], nil)
	record = bytes.TrimRight(record, "\x00")
	if err != nil || len(record) == 0 || record[len(record)-1] != 2 {
		return nil, errors.Join(err, errors.New("a wrong end of the record"))
	}
	return record[:len(record)-1], nil
}

func (p *pushService) next() pushed {
	p.t.Helper()
	select {
	case m := <-p.came:
		return m
	case <-time.After(20 * time.Second):
		p.t.Fatal("nothing was pushed")
		return pushed{}
	}
}

func (p *pushService) pusher(more object) object {
	body := object{"kind": "webpush", "app_id": "org.example.web", "pushkey": base64.RawURLEncoding.EncodeToString(p.key.PublicKey().Bytes()),
		"app_display_name": "Web", "device_display_name": "Browser", "lang": "fr",
		"data": object{"url": p.url + "/subscription", "auth": base64.RawURLEncoding.EncodeToString(p.auth), "default_payload": object{"user": "bruno"}}}
	for k, v := range more {
		body[k] = v
	}
	return body
}

// set sets a pusher; 201 is not in the specification but in the proposal.
func (p *pushService) set(s *servertest.Server, u *servertest.User, more object) int {
	p.t.Helper()
	b, err := json.Marshal(p.pusher(more))
	if err != nil {
		p.t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(p.t.Context(), "POST", s.URL+pushersPath+"/set", bytes.NewReader(b))
	if err != nil {
		p.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+u.AccessToken)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	return resp.StatusCode
}

func vapidKey(u *servertest.User) string {
	var answer struct {
		Capabilities map[string]json.RawMessage
	}
	u.Must("GET", clientV3+"/capabilities", nil, &answer)
	var webPush struct {
		Enabled bool
		Vapid   string
	}
	for _, name := range []string{"org.matrix.msc4174.webpush", "m.webpush"} {
		if err := json.Unmarshal(answer.Capabilities[name], &webPush); err != nil || !webPush.Enabled {
			return ""
		}
	}
	return webPush.Vapid
}

// Source: MSC4174.
func TestWebPush(t *testing.T) {
	p := newPushService(t)
	s := servertest.Start(t, p.option)
	anna, bruno, room := talkers(t, s)
	vapid := vapidKey(bruno)
	if status := p.set(s, bruno, nil); status != 201 {
		t.Fatal(status)
	}
	m := p.next()
	token, _ := m.body["ack_token"].(string)
	if m.body["app_id"] != "org.example.web" || token == "" || len(m.body) != 2 || m.header.Get("Urgency") != "high" || m.header.Get("TTL") != "300" {
		t.Errorf("%+v", m)
	}
	p.vouched(m.header, vapid)
	if got := pushersOf(bruno); got[0].Active == nil || *got[0].Active {
		t.Errorf("%+v", got)
	}
	anna.SendText(room, "unheard")
	bruno.MustFail(400, "M_UNKNOWN_ACTIVATION_TOKEN", "POST", pushersAck, object{"app_id": "org.example.web", "ack_token": "x"})
	anna.MustFail(404, "M_NOT_FOUND", "POST", pushersAck, object{"app_id": "org.example.web", "ack_token": token})
	bruno.Must("POST", pushersAck, object{"app_id": "org.example.web", "ack_token": token}, nil)
	bruno.MustFail(400, "M_UNKNOWN_ACTIVATION_TOKEN", "POST", pushersAck, object{"app_id": "org.example.web", "ack_token": token})
	if got := pushersOf(bruno); !*got[0].Active {
		t.Errorf("%+v", got)
	}
	if status := p.set(s, bruno, nil); status != 200 { // nothing to activate anew
		t.Error(status)
	}

	id := anna.SendText(room, "La rue est ouverte")
	m = p.next()
	if m.body["event_id"] != id || m.body["room_id"] != room || m.body["sender"] != anna.UserID || m.body["room_name"] != "Voirie" || m.body["unread"] != 2.0 ||
		m.body["user"] != "bruno" || m.body["content"].(object)["body"] != "La rue est ouverte" {
		t.Errorf("%+v", m.body)
	}
	if h := m.header; h.Get("TTL") != "86400" || h.Get("Urgency") != "normal" || h.Get("Topic") != "" || h.Get("Content-Encoding") != "aes128gcm" {
		t.Errorf("%+v", h)
	}
	long := anna.SendText(room, strings.Repeat("long ", 5000))
	if m = p.next(); m.body["event_id"] != long || m.body["content"] != nil || m.body["room_name"] != "Voirie" {
		t.Errorf("%+v", m.body)
	}
	bruno.Must("POST", roomPath(room)+"/receipt/m.read/"+long, object{}, nil)
	if m = p.next(); m.body["unread"] != 0.0 || m.body["event_id"] != nil || m.header.Get("Topic") != "unread" || m.header.Get("Urgency") != "low" {
		t.Errorf("%+v", m)
	}

	if vapidKey(anna) != vapid {
		t.Error("another key")
	}
	p.answers <- http.StatusGone
	anna.SendText(room, "gone")
	p.next()
	eventually(t, "the pusher ends", func() bool { return len(pushersOf(bruno)) == 0 })
}

// vouched checks the header by which the push service knows the server. Source: RFC 8292.
func (p *pushService) vouched(h http.Header, vapid string) {
	p.t.Helper()
	rest, ok := strings.CutPrefix(h.Get("Authorization"), "vapid t=")
	token, key, found := strings.Cut(rest, ", k=")
	parts := strings.Split(token, ".")
	if !ok || !found || key != vapid || len(parts) != 3 {
		p.t.Fatal(h)
	}
	decode := func(s string) []byte {
		b, err := base64.RawURLEncoding.DecodeString(s)
		if err != nil {
			p.t.Fatal(err)
		}
		return b
	}
	public, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), decode(key))
	if err != nil {
		p.t.Fatal(err)
	}
	sum, signature := sha256.Sum256([]byte(parts[0]+"."+parts[1])), decode(parts[2])
	if !ecdsa.Verify(public, sum[:], new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:])) {
		p.t.Error("a wrong signature")
	}
	var claims struct {
		Aud, Sub string
		Exp      int64
	}
	if err := json.Unmarshal(decode(parts[1]), &claims); err != nil || claims.Aud != p.url || !strings.HasPrefix(claims.Sub, "http") ||
		time.Until(time.Unix(claims.Exp, 0)) > 24*time.Hour || time.Until(time.Unix(claims.Exp, 0)) < time.Hour {
		p.t.Errorf("%+v %v", claims, err)
	}
}

func TestWebPushThatIsRefused(t *testing.T) {
	p := newPushService(t)
	s := servertest.Start(t, p.option)
	anna := s.Register(t, "anna")
	data := func(members object) object {
		d := object{"url": p.url, "auth": base64.RawURLEncoding.EncodeToString(p.auth)}
		for k, v := range members {
			d[k] = v
		}
		return object{"data": d}
	}
	point := make([]byte, 65)
	point[0] = 4
	for _, c := range []struct {
		more    object
		errcode string
	}{
		{data(object{"auth": nil}), "M_MISSING_PARAM"},
		{data(object{"auth": "c2hvcnQ"}), "M_INVALID_PARAM"},
		{data(object{"auth": "****"}), "M_INVALID_PARAM"},
		{data(object{"url": ""}), "M_MISSING_PARAM"},
		{data(object{"url": "http://push.example/x"}), "M_INVALID_PARAM"},
		{object{"pushkey": "key"}, "M_INVALID_PARAM"},
		{object{"pushkey": base64.RawURLEncoding.EncodeToString(point)}, "M_INVALID_PARAM"}, // not on the curve
	} {
		anna.MustFail(400, c.errcode, "POST", pushersPath+"/set", p.pusher(c.more))
	}
	if got := pushersOf(anna); len(got) > 0 {
		t.Errorf("%+v", got)
	}
}
