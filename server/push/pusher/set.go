package pusher

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"net/http"
	"time"

	"beffroi/server/merr"
	"beffroi/server/store"
)

// maxPushers is how many pushers a user has: one more ends the one that was set longest ago, for the client that set it may be long gone.
const maxPushers = 50

// activateWithin is how long the token that a Web Push client was sent is good. Source: MSC4174.
const activateWithin = 5 * time.Minute

// Owner is who sets pushers.
type Owner struct {
	User   store.Atom
	Device int64
}

// Set makes or changes a pusher, and ends those of others with the same app id and pushkey, unless the request says append. The device that sets
// it takes it with it when it ends; a digest by e-mail stays, for it is meant for those who are nowhere logged in.
// created: it is new, or a Web Push client has to activate it. Errors: 400 M_MISSING_PARAM, M_INVALID_PARAM.
//
// Spec: client-server API, POST /pushers/set. Source: MSC4174, "Changes to /pushers/set".
func (s *Service) Set(ctx context.Context, by Owner, q *Request) (activate bool, err error) {
	p, err := q.pusher(by)
	if err != nil {
		return false, err
	}
	p.Since, p.Pos = store.Millis(s.Now()), s.db.Visible()
	fresh := rand.Text()
	err = s.db.Write(ctx, func(tx *store.Tx) error {
		if err := s.mayMail(&tx.Reader, p); err != nil {
			return err
		}
		if !q.Append {
			if err := tx.DeletePushersOfOthers(p.User, p.AppID, p.Pushkey); err != nil {
				return err
			}
		}
		activate, err = put(tx, p, fresh)
		return err
	})
	s.tell()
	return activate, err
}

// mayMail refuses digests to addresses that are not the user's.
func (s *Service) mayMail(r *store.Reader, p *store.Pusher) error {
	if p.Kind != kindEmail {
		return nil
	}
	if s.Mail == nil {
		return merr.InvalidParam("This server sends no e-mail")
	}
	owns, err := s.Mail.Owns(r, p.User, p.Pushkey)
	if err == nil && !owns {
		err = merr.InvalidParam("The pushkey of an e-mail pusher is one of the account's e-mail addresses")
	}
	return err
}

// put stores a pusher. Who sets it anew as it was goes on where it stands.
func put(tx *store.Tx, p *store.Pusher, token string) (activate bool, err error) {
	old, found, err := tx.PusherByKey(p.User, p.AppID, p.Pushkey)
	if err != nil {
		return false, err
	}
	same := found && isWebPush(old.Kind) == isWebPush(p.Kind) && bytes.Equal(subscription(old.About), subscription(p.About))
	p.ID, p.Token, p.Activated = old.ID, old.Token, true
	if p.Kind == kindEmail && p.Token == "" {
		p.Token = token
	}
	if isWebPush(p.Kind) {
		p.Activated = same && old.Activated
		if activate = !p.Activated; activate {
			p.Token = token
		}
	}
	if found {
		return activate, tx.ChangePusher(p)
	}
	if err := tx.AddPusher(p); err != nil {
		return false, err
	}
	return activate, tx.DeletePushersBeyond(p.User, maxPushers)
}

// subscription is what a Web Push pusher is activated for.
func subscription(stored []byte) []byte {
	var a about
	var d pusherData
	_ = json.Unmarshal(stored, &a) // what can't be read is no subscription
	_ = json.Unmarshal(a.Data, &d)
	return []byte(d.URL + " " + text(d.Auth))
}

// Delete ends a pusher of a user. One that is not there is passed over. Spec: client-server API, POST /pushers/set with kind null.
func (s *Service) Delete(ctx context.Context, user store.Atom, appID, pushkey string) error {
	return s.db.Write(ctx, func(tx *store.Tx) error {
		p, found, err := tx.PusherByKey(user, appID, pushkey)
		if err != nil || !found {
			return err
		}
		return tx.DeletePusher(p.ID)
	})
}

// Activate takes the token that a Web Push client was sent.
// Errors: 404 M_NOT_FOUND, 400 M_EXPIRED_ACTIVATION_TOKEN, 400 M_UNKNOWN_ACTIVATION_TOKEN.
//
// Source: MSC4174, "New endpoint for pusher validation".
func (s *Service) Activate(ctx context.Context, user store.Atom, appID, token string) error {
	err := s.db.Write(ctx, func(tx *store.Tx) error {
		all, err := tx.PushersOf(user)
		if err != nil {
			return err
		}
		known := false
		for i := range all {
			p := &all[i]
			if p.AppID != appID || !isWebPush(p.Kind) {
				continue
			}
			known = true
			switch {
			case p.Token == "" || p.Token != token:
			case s.Now().Sub(time.UnixMilli(p.Since)) > activateWithin:
				return merr.New(http.StatusBadRequest, "M_EXPIRED_ACTIVATION_TOKEN", "The token has expired; set the pusher anew")
			default:
				p.Activated, p.Token = true, ""
				return tx.ChangePusher(p)
			}
		}
		if !known {
			return merr.NotFound("There is no such pusher")
		}
		return merr.New(http.StatusBadRequest, "M_UNKNOWN_ACTIVATION_TOKEN", "The token is not one of a pusher of this application")
	})
	s.tell()
	return err
}

// AdmitDevice refuses no device.
func (s *Service) AdmitDevice(*store.Tx, store.Atom, string) error { return nil }

// DevicesDeleted ends what devices have set, in the write that deletes them. Spec: client-server API, "Push Notifications".
func (s *Service) DevicesDeleted(tx *store.Tx, _ store.Atom, devices []store.Device) error {
	for _, d := range devices {
		if err := tx.DeletePushersOfDevice(d.ID); err != nil {
			return err
		}
	}
	tx.OnCommit(s.tell)
	return nil
}

// Unsubscribe ends the e-mail pusher that a token of a digest names, and tells whether there was one.
func (s *Service) Unsubscribe(ctx context.Context, token string) (found bool, err error) {
	if token == "" {
		return false, nil
	}
	err = s.db.Write(ctx, func(tx *store.Tx) error {
		var p store.Pusher
		if p, found, err = tx.PusherByToken(token); err != nil || !found {
			return err
		}
		if found = p.Kind == kindEmail; !found {
			return nil
		}
		return tx.DeletePusher(p.ID)
	})
	s.tell()
	return found, err
}
