package inbox

import (
	"crypto/sha256"
	"sync"
)

// txnKey stands for a transaction: its server, its id and what is in it, since a server that was restored may use an id again for something else.
type txnKey [32]byte

func keyOf(server, txnID string, body []byte) (key txnKey) {
	h := sha256.New()
	for _, part := range [...]string{server, txnID} {
		h.Write([]byte(part))
		h.Write([]byte{0})
	}
	h.Write(body)
	return txnKey(h.Sum(nil))
}

// answers remembers what transactions were answered, for who sends one again because the answer was lost. It lives in memory: after a restart the transaction is
// worked on again, and what it brought is known then, so that the answer is the same and nothing happens twice.
type answers struct {
	mu         sync.Mutex
	young, old map[txnKey]Answer
	weight     int // of the young ones in bytes, about
}

// maxAnswers is what each of the two generations may weigh.
const maxAnswers = 1 << 20

func newAnswers() *answers { return &answers{young: map[txnKey]Answer{}} }

func (a *answers) find(key txnKey) (Answer, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if answer, ok := a.young[key]; ok {
		return answer, true
	}
	answer, ok := a.old[key]
	return answer, ok
}

func (a *answers) put(key txnKey, answer Answer) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.weight += 200
	for id, result := range answer.PDUs {
		a.weight += 64 + len(id) + len(result.Error)
	}
	a.young[key] = answer
	if a.weight > maxAnswers {
		a.young, a.old, a.weight = map[txnKey]Answer{}, a.young, 0
	}
}
