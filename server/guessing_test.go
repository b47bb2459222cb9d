package server_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"beffroi/server/config"
	"beffroi/server/servertest"
)

// caller asks a server from an address of its choice: the server believes it as it would a proxy.
type caller struct {
	t    *testing.T
	http *http.Client
	url  string
}

func newCaller(t *testing.T, s *servertest.Server) *caller {
	transport := &http.Transport{MaxIdleConnsPerHost: 300}
	t.Cleanup(transport.CloseIdleConnections)
	return &caller{t, &http.Client{Transport: transport}, s.URL}
}

// call gives the status, and what the header says of when to come again.
func (c *caller) call(ctx context.Context, from, method, path, token string, body any) (status int, answer object, retryAfter string) {
	raw, err := json.Marshal(body)
	if err != nil {
		c.t.Error(err)
		return 0, nil, ""
	}
	req, err := http.NewRequestWithContext(ctx, method, c.url+path, strings.NewReader(string(raw)))
	if err != nil {
		c.t.Error(err)
		return 0, nil, ""
	}
	req.Header.Set("X-Forwarded-For", from)
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		if ctx.Err() == nil {
			c.t.Error(err)
		}
		return 0, nil, ""
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil && ctx.Err() == nil {
		c.t.Error(err)
	}
	return resp.StatusCode, answer, resp.Header.Get("Retry-After")
}

func (c *caller) login(ctx context.Context, from, user, password string) (int, object) {
	status, answer, _ := c.call(ctx, from, "POST", clientV3+"/login", "", object{"type": "m.login.password", "password": password,
		"identifier": object{"type": "m.id.user", "user": user}})
	return status, answer
}

// tally counts answers by status.
type tally struct {
	mu sync.Mutex
	of map[int]int
}

func (n *tally) add(status int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.of == nil {
		n.of = map[int]int{}
	}
	n.of[status]++
}

const (
	citizens = 20
	guessers = 4                     // connections of each attack
	pace     = 40 * time.Millisecond // between two guesses on a connection: a hundred a second each, more than the server could check
)

// times are how long log-ins took: half of them, and all but one in twenty.
type times struct{ p50, p95 time.Duration }

func (t times) String() string {
	return fmt.Sprintf("p50 %v p95 %v", t.p50.Round(time.Millisecond), t.p95.Round(time.Millisecond))
}

// healthy lets people log in, one after another.
func (c *caller) healthy(n int) times {
	c.t.Helper()
	var took []time.Duration
	for i := range n {
		begun, who := time.Now(), i%citizens
		status, answer := c.login(c.t.Context(), fmt.Sprintf("198.51.%d.7", who), fmt.Sprint("citizen", who), fmt.Sprint("citizen", who))
		if took = append(took, time.Since(begun)); status != 200 {
			c.t.Errorf("log-in %d: %d %v", i, status, answer)
		}
	}
	slices.Sort(took)
	return times{took[len(took)/2], took[len(took)*95/100]}
}

// attack guesses until ctx ends, from addresses at users.
func (c *caller) attack(ctx context.Context, running *sync.WaitGroup, addresses, users []string) *tally {
	n := new(tally)
	for g := range guessers {
		running.Go(func() {
			for i := g; ctx.Err() == nil; i += guessers {
				time.Sleep(pace)
				status, _ := c.login(ctx, addresses[i%len(addresses)], users[i%len(users)], fmt.Sprint("guess ", i))
				n.add(status)
			}
		})
	}
	return n
}

func series(n int, format string) (list []string) {
	for i := range n {
		list = append(list, fmt.Sprintf(format, i))
	}
	return list
}

// refused waits until attackers are told to wait.
func (n *tally) refused() {
	for {
		n.mu.Lock()
		refused := n.of[429]
		n.mu.Unlock()
		if refused >= 20 {
			return
		}
		time.Sleep(pace)
	}
}

// guessed runs both attacks while people log in. It prints how long that took them before and meanwhile, and gives what the attackers were told.
func guessed(t *testing.T, c *caller, held bool, after func(ctx context.Context)) (spray, siege *tally) {
	before := c.healthy(40)
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	begun := time.Now()
	spray = c.attack(ctx, &running, []string{"203.0.113.66"}, append(series(citizens, "citizen%d"), series(80, "nobody%d")...))
	siege = c.attack(ctx, &running, series(100, "10.9.%d.1"), []string{"mayor"})
	meanwhile := c.healthy(40)
	if held {
		spray.refused()
		siege.refused()
	}
	later := c.healthy(40)
	after(ctx)
	stop()
	running.Wait()
	t.Logf("a log-in: %v; %v when two attacks begin; %v while they go on; in %v they were told, from one address %v, at one account %v",
		before, meanwhile, later, time.Since(begun).Round(time.Millisecond), spray.of, siege.of)
	return spray, siege
}

// Two attacks at once, from one address at a hundred accounts and from a hundred addresses at one: both are throttled, everybody else logs in, and so do those who
// are attacked, and those next to the attacker, where they were before.
func TestPasswordGuessing(t *testing.T) {
	s := servertest.Start(t, servertest.Limited, func(c *config.Config) {
		if !testing.Short() { // with the race detector it takes minutes
			c.Password = config.Default().Password
		}
	})
	for _, name := range append(series(citizens, "citizen%d"), "mayor", "neighbour") {
		s.Register(t, name)
	}
	c := newCaller(t, s)
	c.mustLogin("192.0.2.10", "mayor")
	c.mustLogin("203.0.113.5", "neighbour")
	spray, siege := guessed(t, c, true, func(context.Context) {
		c.mustLogin("192.0.2.99", "mayor") // the /24 where she was
		c.mustLogin("203.0.113.77", "neighbour")
		if status, answer := c.login(t.Context(), "203.0.113.78", "citizen0", "citizen0"); status != 429 || answer["retry_after_ms"] == nil {
			t.Errorf("a new address next to the attacker: %d %v", status, answer)
		}
	})
	for name, n := range map[string]struct {
		*tally
		most int
	}{"from one address": {spray, 64}, "at one account": {siege, 54}} {
		if n.of[200] != 0 || n.of[403] == 0 || n.of[403] > n.most || n.of[429] < 20 {
			t.Errorf("%s: %v", name, n.of)
		}
	}
}

func (c *caller) mustLogin(from, user string) object {
	c.t.Helper()
	status, answer := c.login(c.t.Context(), from, user, user)
	if status != 200 {
		c.t.Fatalf("%s from %s: %d %v", user, from, status, answer)
	}
	return answer
}

// What the same attacks do to a server without limits: go test ./server -run WithoutLimits -v.
func TestPasswordGuessingWithoutLimits(t *testing.T) {
	if !testing.Verbose() {
		t.Skip("it shows figures, and is for who compares them")
	}
	s := servertest.Start(t, servertest.Limited, func(c *config.Config) { c.Password, c.Limits.Enabled = config.Default().Password, false })
	for _, name := range append(series(citizens, "citizen%d"), "mayor") {
		s.Register(t, name)
	}
	guessed(t, newCaller(t, s), false, func(context.Context) {})
}

// Everything that tells right from wrong is held: the password asked for again, the registration secret, registration tokens.
func TestOtherSecretsAreHeld(t *testing.T) {
	s := servertest.Start(t, servertest.Limited)
	s.Register(t, "alice")
	c := newCaller(t, s)
	session := c.mustLogin("192.0.2.1", "alice")
	token := session["access_token"].(string)
	auth := func(password string) object {
		return object{"auth": object{"type": "m.login.password", "password": password, "identifier": object{"type": "m.id.user", "user": "alice"}}, "new_password": "alice"}
	}
	for _, call := range []struct {
		name, method, path, token string
		body                      func(n int) object
		wrong                     int
		most                      int
	}{
		{"password to change it", "POST", clientV3 + "/account/password", token, func(int) object { return auth("wrong") }, 401, 6},
		{"password to deactivate", "POST", clientV3 + "/account/deactivate", token, func(int) object { return auth("wrong") }, 401, 0}, // of the same session
		{"password to delete devices", "POST", clientV3 + "/delete_devices", token, func(int) object {
			return object{"devices": []string{"X"}, "auth": auth("wrong")["auth"]}
		}, 401, 0},
		{"registration secret", "POST", "/_synapse/admin/v1/register", "", func(int) object {
			_, nonce, _ := c.call(t.Context(), "198.51.100.1", "GET", "/_synapse/admin/v1/register", "", nil)
			return object{"nonce": nonce["nonce"], "username": "x", "password": "x", "mac": "00"}
		}, 403, 60},
	} {
		looked, refused := 0, 0
		for n := range 100 {
			status, answer, retryAfter := c.call(t.Context(), "198.51.100.1", call.method, call.path, call.token, call.body(n))
			switch status {
			case call.wrong:
				looked++
			case 429:
				if refused++; retryAfter == "" || answer["retry_after_ms"] == nil {
					t.Fatalf("%s: no word of when to come again: %v", call.name, answer)
				}
			default:
				t.Fatalf("%s: %d %v", call.name, status, answer)
			}
		}
		if looked != call.most || refused != 100-call.most {
			t.Errorf("%s: %d were looked at, %d refused", call.name, looked, refused)
		}
	}
	c.mustLogin("203.0.113.1", "alice") // who stole a session does not lock its owner out
}
