package accounts

import (
	"context"
	"encoding/json"
	"errors"

	"beffroi/server/merr"
	"beffroi/server/store"
)

const (
	typeTag = "m.tag"

	maxTagBytes     = 255
	maxTagsBytes    = 64 << 10 // of all tags of one room
	tagEditAttempts = 10
)

// errTagsChanged: another device changed the tags meanwhile.
var errTagsChanged = errors.New("accounts: the tags changed meanwhile")

// Tags gives the tags that a user put on a room: the tag's name and its information, a JSON object.
// Source: client-server API, "Room Tagging".
func (s *Service) Tags(ctx context.Context, user store.Atom, room store.RoomRef) (map[string]json.RawMessage, error) {
	d, err := s.accountData(ctx, user, room, typeTag)
	if err != nil {
		return nil, err
	}
	return parseTags(d.Content).Tags, nil
}

// SetTag puts a tag on a room; info is a JSON object whose order, if there, is a number.
func (s *Service) SetTag(ctx context.Context, user store.Atom, room store.RoomRef, tag string, info json.RawMessage) error {
	if tag == "" || len(tag) > maxTagBytes {
		return merr.InvalidParam("A tag has 1 to %d bytes", maxTagBytes)
	}
	return s.editTags(ctx, user, room, func(tags map[string]json.RawMessage) { tags[tag] = info })
}

// DeleteTag takes a tag off a room, if it is there.
func (s *Service) DeleteTag(ctx context.Context, user store.Atom, room store.RoomRef, tag string) error {
	return s.editTags(ctx, user, room, func(tags map[string]json.RawMessage) { delete(tags, tag) })
}

// editTags changes the tags outside the writer, and does so again where another device was faster.
func (s *Service) editTags(ctx context.Context, user store.Atom, room store.RoomRef, edit func(map[string]json.RawMessage)) error {
	for range tagEditAttempts {
		before, err := s.accountData(ctx, user, room, typeTag)
		if err != nil {
			return err
		}
		content := parseTags(before.Content)
		edit(content.Tags)
		after, err := json.Marshal(content)
		if err != nil {
			return err
		}
		if len(after) > maxTagsBytes {
			return merr.TooLarge("The tags of a room have %d bytes at most", maxTagsBytes)
		}
		if err = s.replaceTags(ctx, user, before, room, after); !errors.Is(err, errTagsChanged) {
			return err
		}
	}
	return errTagsChanged
}

func (s *Service) replaceTags(ctx context.Context, user store.Atom, before store.AccountData, room store.RoomRef, after []byte) error {
	return s.db.Write(ctx, func(tx *store.Tx) error {
		atom, err := tx.Atom(typeTag)
		if err != nil {
			return err
		}
		now, err := tx.AccountData(user, room, atom)
		if err != nil {
			return err
		}
		if now.Pos != before.Pos {
			return errTagsChanged
		}
		return s.putAccountData(tx, user, room, typeTag, after)
	})
}

type tagContent struct {
	Tags map[string]json.RawMessage `json:"tags"`
}

// parseTags reads what is there as far as it has the form of tags: a client may have written anything as account data.
func parseTags(raw json.RawMessage) (c tagContent) {
	if err := json.Unmarshal(raw, &c); err != nil || c.Tags == nil {
		c.Tags = map[string]json.RawMessage{}
	}
	return c
}
