package syncer

import (
	"beffroi/server/accounts"
	"beffroi/server/store"
)

// ignores tells whether the user ignores another. The list is read once in a look.
func (l *look) ignores(sender store.Atom) (bool, error) {
	if l.ignored == nil && l.known != nil && !l.touched(store.TouchedData) {
		l.ignored = l.known.ignored
	}
	if l.ignored == nil {
		var err error
		if l.ignored, err = accounts.Ignored(l.r, l.q.Session.User); err != nil {
			return false, err
		}
	}
	return l.ignored[sender], nil
}

// ignoresInvite tells whether the user is to hear nothing of an invitation. It is asked where there is one, so once in a look is enough.
func (l *look) ignoresInvite(sender store.Atom) (bool, error) {
	if l.blocked == nil {
		blocked, err := accounts.BlocksInvites(l.r, l.q.Session.User)
		if err != nil {
			return false, err
		}
		l.blocked = &blocked
	}
	if *l.blocked {
		return true, nil
	}
	return l.ignores(sender)
}
