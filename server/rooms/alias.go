package rooms

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"unicode"

	"beffroi/server/merr"
	"beffroi/server/pdu"
	"beffroi/server/store"
)

// maxAliases is how many aliases a user who is no administrator can make.
const maxAliases = 200

// ClaimAlias makes an alias of this server for a room, within what its creator may have. made is false where the name is taken.
func ClaimAlias(tx *store.Tx, a store.Alias) (made bool, err error) {
	account, _, err := tx.Account(a.Creator)
	if err != nil {
		return false, err
	}
	n, err := tx.AliasesBy(a.Creator)
	if err != nil {
		return false, err
	}
	if n >= maxAliases && !account.Admin {
		return false, merr.Forbidden("You have made %d room aliases: delete one before you make another", n)
	}
	return tx.PutAlias(a)
}

// CheckNewAlias refuses what can't be an alias of a server: 400 M_INVALID_PARAM. Of what the grammar allows, names with white space or
// invisible characters are left out, because nobody could read them to another.
//
// Spec: appendices, "Room Aliases".
func CheckNewAlias(alias, serverName string) error {
	localpart, server, _ := pdu.SplitID(alias)
	hidden := func(c rune) bool { return !unicode.IsGraphic(c) || unicode.IsSpace(c) }
	switch {
	case !pdu.ValidRoomAlias(alias) || localpart == "" || strings.ContainsFunc(localpart, hidden):
		return merr.InvalidParam("%q can't be a room alias", alias)
	case server != serverName:
		return merr.InvalidParam("Aliases of %s can't be made here", server)
	}
	return nil
}

// alias is the whole alias that a request to create a room asks for, "" for none.
func (s *Service) alias(q *CreateRequest) (string, error) {
	if q.RoomAliasName == "" {
		return "", nil
	}
	alias := "#" + q.RoomAliasName + ":" + s.ServerName
	if strings.Contains(q.RoomAliasName, ":") {
		return "", merr.InvalidParam("%q can't be a room alias", alias)
	}
	return alias, CheckNewAlias(alias, s.ServerName)
}

// listed makes a new room's alias, and shows the room in the directory where that was asked for, in the write that makes the room.
func (s *Service) listed(u User, alias string, public bool) func(tx *store.Tx, room store.RoomRef) error {
	now := s.millis()
	return func(tx *store.Tx, room store.RoomRef) error {
		if public {
			if err := tx.Publish(room, true); err != nil {
				return err
			}
		}
		if alias == "" {
			return nil
		}
		made, err := ClaimAlias(tx, store.Alias{Alias: alias, Room: room, Creator: u.Atom, Created: now})
		if err == nil && !made {
			err = merr.New(http.StatusBadRequest, "M_ROOM_IN_USE", "The alias %s is taken", alias)
		}
		return err
	}
}

// settableAliases refuses new aliases in an m.room.canonical_alias event that are none, or do not point to the room. Other servers are asked for theirs.
//
// Spec: client-server API, "PUT /_matrix/client/v3/rooms/{roomId}/state/{eventType}/{stateKey}", M_INVALID_PARAM and M_BAD_ALIAS.
func (s *Service) settableAliases(ctx context.Context, roomID, stateKey string, content json.RawMessage) error {
	o, err := pdu.ParseObject(content)
	if err != nil {
		return nil // who builds the event tells what is wrong
	}
	aliases, err := aliasesIn(o)
	if err != nil || len(aliases) == 0 {
		return err
	}
	var theirs []string
	err = s.db.Peek(ctx, func(r *store.Reader) error {
		room, err := Find(r, roomID)
		if err != nil {
			return err
		}
		known, err := standingAliases(r, room, stateKey)
		if err != nil {
			return err
		}
		for _, alias := range aliases {
			if slices.Contains(known, alias) {
				continue
			}
			if s.Remote != nil && pdu.ValidRoomAlias(alias) && pdu.ServerOf(alias) != s.ServerName {
				theirs = append(theirs, alias)
			} else if err := pointsTo(r, room, alias); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return s.pointThere(ctx, roomID, theirs)
}

// maxTheirs is how many new aliases of other servers one event may bring.
const maxTheirs = 10

// pointThere refuses aliases of other servers that these do not have for the room.
func (s *Service) pointThere(ctx context.Context, roomID string, aliases []string) error {
	if len(aliases) > maxTheirs {
		return merr.InvalidParam("An event can bring %d new aliases of other servers", maxTheirs)
	}
	for _, alias := range aliases {
		if found, _, err := s.Remote.Alias(ctx, pdu.ServerOf(alias), alias); err != nil || found != roomID {
			return notThis(alias).Because(err)
		}
	}
	return nil
}

func notThis(alias string) *merr.Error {
	return merr.New(http.StatusBadRequest, "M_BAD_ALIAS", "The alias %q is not one of this room", alias)
}

// standingAliases are the aliases that the event in force names.
func standingAliases(r *store.Reader, room store.Room, stateKey string) ([]string, error) {
	key, err := r.FindAtom(stateKey)
	if err != nil {
		return nil, err
	}
	e, ok, err := r.CurrentEvent(room.Ref, store.AtomCanonicalAlias, key)
	if err != nil || !ok {
		return nil, err
	}
	known, _ := aliasesIn(pdu.StoredObject(e.JSON).Object("content")) // of what is malformed nothing stands
	return known, nil
}

// pointsTo refuses an alias that is none, or not one of the room.
func pointsTo(r *store.Reader, room store.Room, alias string) error {
	if !pdu.ValidRoomAlias(alias) {
		return merr.InvalidParam("%q is not a room alias", alias)
	}
	found, ok, err := r.FindAlias(alias)
	if err == nil && (!ok || found.Room != room.Ref) {
		err = notThis(alias)
	}
	return err
}

// aliasesIn lists what the content of an m.room.canonical_alias event names: 400 M_INVALID_PARAM where that has other types.
func aliasesIn(content pdu.Object) ([]string, error) {
	var aliases []string
	if list := content.Get("alt_aliases"); list.Exists() && string(list.Raw()) != "null" {
		var ok bool
		if aliases, ok = list.Texts(); !ok {
			return nil, merr.InvalidParam("alt_aliases is not a list of strings")
		}
	}
	if alias := content.Get("alias"); alias.Exists() && string(alias.Raw()) != "null" {
		text, ok := alias.Text()
		if !ok {
			return nil, merr.InvalidParam("alias is not a string")
		}
		if text != "" {
			aliases = append(aliases, text)
		}
	}
	return aliases, nil
}
