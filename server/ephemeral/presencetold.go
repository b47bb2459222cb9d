package ephemeral

import (
	"time"

	"beffroi/server/store"
)

// tellAgain is after which time other servers are told again of who is here: they let it end after half an hour.
const tellAgain = 25 * time.Minute

// toTell gives the presences of this server's users that others are to hear of: those that changed, and those that last.
func (p *presences) toTell(changed []store.Atom) (told []PresenceOf) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now, moved := p.now(), map[store.Atom]bool{}
	for _, user := range changed {
		moved[user] = true
	}
	for user, u := range p.users {
		lasts := u.shown.presence != Offline && now.Sub(u.told) >= tellAgain
		if u.elsewhere == nil && (lasts || moved[user]) {
			u.told = now
			told = append(told, PresenceOf{user, u.userID, u.content(now)})
		}
	}
	return told
}
