package bench

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"beffroi/server/servertest"
)

// TestReceived measures what an event costs that another server sends, alone in its transaction and with 49 others: request, signatures, rules and storage.
func TestReceived(t *testing.T) {
	slowly(t)
	events := 100
	if *measure {
		events = 1000 // below what one server may send at once
	}
	n := servertest.NewNetwork(t)
	s, p := n.Start(""), n.Peer()
	alice := s.Register(t, "alice")
	room := p.Room(s, alice.CreateRoom(map[string]any{"preset": "public_chat"}))
	bob := room.Join("bob")
	child := n.Process(servertest.Build(t), s)
	for _, together := range []int{1, 50} {
		var transactions [][]json.RawMessage
		for i := range events {
			e := room.Message(bob, "Le conseil municipal se réunit mardi à 18 h 30 en mairie.").JSON()
			if i%together == 0 {
				transactions = append(transactions, nil)
			}
			transactions[len(transactions)-1] = append(transactions[len(transactions)-1], e)
		}
		meter, err := Count(child.PID())
		if err != nil {
			t.Fatal(err)
		}
		begun := time.Now()
		for _, pdus := range transactions {
			if status, results := p.Transaction(s, pdus, nil); status != 200 || len(results) != len(pdus) {
				t.Fatal(status, results)
			}
		}
		took := time.Since(begun)
		cost, err := meter.Stop()
		if err != nil {
			t.Fatal(err)
		}
		fmt.Printf("%d received, %d a transaction: %.2f ms each; %+v in all\n", events, together, took.Seconds()*1000/float64(events), cost)
	}
}
