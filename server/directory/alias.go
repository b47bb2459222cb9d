package directory

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"

	"beffroi/server/merr"
	"beffroi/server/pdu"
	"beffroi/server/pdu/auth"
	"beffroi/server/rooms"
	"beffroi/server/store"
)

// Lookup gives the room that an alias points to, and the servers to ask for it: this one and up to 20 of its members.
//
// Spec: client-server API, "GET /_matrix/client/v3/directory/room/{roomAlias}".
func (s *Service) Lookup(ctx context.Context, alias string) (roomID string, servers []string, err error) {
	if !pdu.ValidRoomAlias(alias) {
		return "", nil, merr.InvalidParam("%q is not a room alias", alias)
	}
	if pdu.ServerOf(alias) != s.server && s.remote != nil {
		return s.elsewhere(ctx, alias)
	}
	if err := s.ask(ctx, alias); err != nil {
		return "", nil, err
	}
	err = s.db.Read(ctx, func(r *store.Reader) error {
		room, _, err := find(r, alias)
		if err != nil {
			return err
		}
		roomID = room.ID
		servers, err = s.servers(r, room.Ref)
		return err
	})
	return roomID, servers, err
}

const (
	maxServers = 20
	maxMembers = 500 // that are looked at for their servers
)

// servers lists servers in the room, this one first.
func (s *Service) servers(r *store.Reader, room store.RoomRef) ([]string, error) {
	servers := []string{s.server}
	members, err := r.UsersWith(room, store.Join, maxMembers)
	for _, m := range members {
		user, err := r.Text(m)
		if err != nil {
			return nil, err
		}
		if server := pdu.ServerOf(user); !slices.Contains(servers, server) && len(servers) < maxServers {
			servers = append(servers, server)
		}
	}
	return servers, err
}

// SetAlias lets a new alias of this server point to a room that the user is in: 409 where it points to one already.
//
// Spec: client-server API, "PUT /_matrix/client/v3/directory/room/{roomAlias}".
func (s *Service) SetAlias(ctx context.Context, u rooms.User, alias, roomID string) error {
	if err := rooms.CheckNewAlias(alias, s.server); err != nil {
		return err
	}
	return s.db.Write(ctx, func(tx *store.Tx) error {
		room, err := member(&tx.Reader, roomID, u)
		if err != nil {
			return err
		}
		made, err := rooms.ClaimAlias(tx, store.Alias{Alias: alias, Room: room.Ref, Creator: u.Atom, Created: store.Millis(s.now())})
		if err == nil && !made {
			err = merr.New(http.StatusConflict, "M_UNKNOWN", "The room alias %s exists already", alias)
		}
		return err
	})
}

// member finds a room that the user is joined to, or any for an administrator.
func member(r *store.Reader, roomID string, u rooms.User) (store.Room, error) {
	room, err := rooms.Find(r, roomID)
	if err != nil {
		return room, err
	}
	m, _, err := r.Member(room.Ref, u.Atom)
	if err != nil || m.Membership == store.Join {
		return room, err
	}
	admin, err := isAdmin(r, u)
	if err == nil && !admin {
		err = merr.Forbidden("You are not in this room")
	}
	return room, err
}

// DeleteAlias takes an alias away. Who made it may, who may set m.room.canonical_alias in its room, and administrators. Where the room names
// it there, that is changed too, if the user may. owner: the user acts for the application service that the alias belongs to, which needs no right in the room.
//
// Spec: client-server API, "DELETE /_matrix/client/v3/directory/room/{roomAlias}".
func (s *Service) DeleteAlias(ctx context.Context, u rooms.User, alias string, owner bool) error {
	var room store.Room
	err := s.db.Write(ctx, func(tx *store.Tx) error {
		var a store.Alias
		var err error
		if room, a, err = find(&tx.Reader, alias); err != nil {
			return err
		}
		if a.Creator != u.Atom && !owner {
			if err := mayList(&tx.Reader, room, u); err != nil {
				return err
			}
		}
		_, err = tx.DeleteAlias(alias)
		return err
	})
	if err != nil {
		return err
	}
	return s.unname(ctx, u, room, alias)
}

// mayList refuses who may not say how a room is found.
func mayList(r *store.Reader, room store.Room, u rooms.User) error {
	admin, err := isAdmin(r, u)
	if err != nil || admin {
		return err
	}
	m, _, err := r.Member(room.Ref, u.Atom)
	if err != nil {
		return err
	}
	levels, err := powerLevels(r, room)
	if err == nil && (m.Membership != store.Join || levels.For(u.ID) < levels.Required("m.room.canonical_alias", true)) {
		err = merr.Forbidden("You may not decide how this room is found")
	}
	return err
}

func isAdmin(r *store.Reader, u rooms.User) (bool, error) {
	account, _, err := r.Account(u.Atom)
	return account.Admin, err
}

// powerLevels are the levels in force in a room.
func powerLevels(r *store.Reader, room store.Room) (p auth.PowerLevels, err error) {
	create, err := currentEvent(r, room, store.AtomCreate)
	if err != nil || create == nil {
		return p, errOr(err, merr.NotFound("The room is not known here"))
	}
	levels, err := currentEvent(r, room, store.AtomPowerLevels)
	if err != nil {
		return p, err
	}
	return auth.NewPowerLevels(create, levels), nil
}

// currentEvent reads an event of the state with the empty state key, nil where there is none.
func currentEvent(r *store.Reader, room store.Room, eventType store.Atom) (*pdu.Event, error) {
	row, ok, err := r.CurrentEvent(room.Ref, eventType, store.AtomEmpty)
	if err != nil || !ok {
		return nil, err
	}
	rules, _ := pdu.RulesFor(room.Version)
	return row.PDU(rules)
}

// unname takes a deleted alias out of the room's m.room.canonical_alias event. A user who may not do that has deleted the alias all the same.
func (s *Service) unname(ctx context.Context, u rooms.User, room store.Room, alias string) error {
	content, err := store.Get(ctx, s.db, func(r *store.Reader) (json.RawMessage, error) { return withoutAlias(r, room, alias) })
	if err != nil || content == nil {
		return err
	}
	if _, err = s.rooms.SetState(ctx, u, room.ID, "m.room.canonical_alias", "", content); merr.Is(err, "M_FORBIDDEN") {
		return nil
	}
	return err
}

// withoutAlias is the content of the room's m.room.canonical_alias event without an alias, nil where it doesn't name it.
func withoutAlias(r *store.Reader, room store.Room, alias string) (json.RawMessage, error) {
	e, err := currentEvent(r, room, store.AtomCanonicalAlias)
	if err != nil || e == nil {
		return nil, err
	}
	var content map[string]any
	if err := json.Unmarshal(e.Body().Raw(), &content); err != nil {
		return nil, err
	}
	named := content["alias"] == alias
	if named {
		delete(content, "alias")
	}
	if list, ok := content["alt_aliases"].([]any); ok && slices.Contains(list, any(alias)) {
		named = true
		content["alt_aliases"] = slices.DeleteFunc(list, func(a any) bool { return a == alias })
	}
	if !named {
		return nil, nil
	}
	return json.Marshal(content)
}

// Aliases lists the aliases of a room for who is in it, or where everybody may read it.
//
// Spec: client-server API, "GET /_matrix/client/v3/rooms/{roomId}/aliases".
func (s *Service) Aliases(ctx context.Context, u rooms.User, roomID string) ([]string, error) {
	return store.Get(ctx, s.db, func(r *store.Reader) ([]string, error) {
		room, v, err := rooms.Look(r, roomID, u.Atom)
		if err != nil {
			return nil, err
		}
		if !v.In() && !v.SeesNow() {
			return nil, merr.Forbidden("You are not in this room")
		}
		aliases, err := r.AliasesOf(room.Ref)
		if aliases == nil {
			aliases = []string{}
		}
		return aliases, err
	})
}
