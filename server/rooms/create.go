package rooms

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"slices"

	"beffroi/server/merr"
	"beffroi/server/pdu"
	"beffroi/server/pdu/auth"
)

// CreateRequest is the body of POST /createRoom.
//
// Spec: client-server API, "Creation".
type CreateRequest struct {
	Visibility         string            `json:"visibility"`
	RoomAliasName      string            `json:"room_alias_name"`
	Name               string            `json:"name"`
	Topic              string            `json:"topic"`
	Invite             []string          `json:"invite"`
	Invite3PID         []json.RawMessage `json:"invite_3pid"`
	RoomVersion        string            `json:"room_version"`
	CreationContent    map[string]any    `json:"creation_content"`
	InitialState       []InitialState    `json:"initial_state"`
	Preset             string            `json:"preset"`
	IsDirect           bool              `json:"is_direct"`
	PowerLevelOverride map[string]any    `json:"power_level_content_override"`
}

// InitialState is a state event that a new room begins with.
type InitialState struct {
	Type     string          `json:"type"`
	StateKey string          `json:"state_key"`
	Content  json.RawMessage `json:"content"`
}

// maxConversation is up to how many people invited a direct room is a conversation, which has no custodian.
const maxConversation = 8

// maxFirst is how many people and state events a request may bring into a new room: all is one write, for which everybody waits.
const maxFirst = 1000

// conversation tells a conversation from a salon. ARCHITECTURE.md, "Who may create what".
func (q *CreateRequest) conversation() bool { return q.IsDirect && len(q.Invite) <= maxConversation }

// preset is what a preset stands for. Source: client-server API, "Creation", the table of presets; who may invite is this server's to say. In a room that everybody
// may enter it takes power: a stranger could send people invitations in the room's name else.
type preset struct {
	joinRule, historyVisibility, guestAccess string
	invite                                   int
}

func (q *CreateRequest) preset() (preset, error) {
	name := q.Preset
	if name == "" && q.Visibility == "public" {
		name = "public_chat"
	}
	switch name {
	case "", "private_chat", "trusted_private_chat":
		return preset{"invite", "shared", "can_join", 0}, nil
	case "public_chat":
		return preset{"public", "shared", "forbidden", 50}, nil
	}
	return preset{}, merr.BadJSON("Unknown preset %q", name)
}

// Create makes a room with everything it begins with, in one commit, and gives its id.
func (s *Service) Create(ctx context.Context, u User, q *CreateRequest) (string, error) {
	if err := s.creatable(q); err != nil {
		return "", err
	}
	rules, err := s.rulesOf(q)
	if err != nil {
		return "", err
	}
	drafts, err := s.drafts(ctx, u, q, rules)
	if err != nil {
		return "", err
	}
	roomID, err := s.found(ctx, rules, drafts)
	if err == nil {
		s.inviteOthers(ctx, u, roomID, q)
	}
	return roomID, err
}

// inviteOthers invites those of other servers into a new room. Who can't be reached is not invited, and the room is there all the same: who asked for it sees who is in it.
func (s *Service) inviteOthers(ctx context.Context, u User, roomID string, q *CreateRequest) {
	for _, target := range q.Invite {
		if s.local(target) {
			continue
		}
		if err := s.inviteElsewhere(ctx, u, roomID, target, memberContent{Membership: "invite", IsDirect: q.IsDirect}); err != nil {
			s.Log.Warn().Err(err).Str("room", roomID).Str("user", target).Msg("somebody could not be invited into a new room")
		}
	}
}

// found makes a room of its first events, in one commit.
func (s *Service) found(ctx context.Context, rules pdu.Rules, drafts []draft) (string, error) {
	drafts[0].ts = s.creationTime()
	l := s.cache.newLive("")
	l.Version, l.rules = rules.Version, rules
	if !rules.RoomIDIsHash {
		l.ID = "!" + rand.Text() + ":" + s.ServerName
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	var events []judged
	for _, d := range drafts {
		j, err := s.next(ctx, l, d)
		if err != nil {
			return "", invalidState(err)
		}
		events = append(events, j)
	}
	s.cache.put(l)
	_, err := s.queue(l, events).settled()
	return l.ID, err
}

// DefaultVersion is the room version that rooms are created with where the request names none.
func (s *Service) DefaultVersion() string { return cmp.Or(s.Version, Version) }

// rulesOf are the rules of the room version that the request asks for.
func (s *Service) rulesOf(q *CreateRequest) (pdu.Rules, error) {
	version := cmp.Or(q.RoomVersion, s.DefaultVersion())
	rules, ok := pdu.RulesFor(version)
	if !ok {
		return rules, merr.New(http.StatusBadRequest, "M_UNSUPPORTED_ROOM_VERSION", "Rooms of version %q can't be created here", version)
	}
	return rules, nil
}

// creationTime is now, but never the same twice: a room's id is the hash of its create event, so two equal ones would be one room.
func (s *Service) creationTime() int64 {
	for {
		last := s.created.Load()
		ts := max(s.millis(), last+1)
		if s.created.CompareAndSwap(last, ts) {
			return ts
		}
	}
}

// creatable refuses what can't be made here.
func (s *Service) creatable(q *CreateRequest) error {
	switch {
	case len(q.Invite3PID) > 0:
		return merr.InvalidParam("This server does not invite by e-mail address or telephone number")
	case len(q.Invite)+len(q.InitialState) > maxFirst:
		return merr.TooLarge("A room begins with %d invitations and state events at most", maxFirst)
	case q.Visibility != "" && q.Visibility != "public" && q.Visibility != "private":
		return merr.BadJSON("Unknown visibility %q", q.Visibility)
	}
	return nil
}

// invalidState turns a refusal by the authorisation rules into the one that createRoom gives.
func invalidState(err error) error {
	var rejected *auth.Rejected
	if errors.As(err, &rejected) {
		return merr.New(http.StatusBadRequest, "M_INVALID_ROOM_STATE", "%s", rejected.Reason).Because(err)
	}
	return err
}

// drafts lists the events that a room begins with, in the order of the specification.
func (s *Service) drafts(ctx context.Context, u User, q *CreateRequest, rules pdu.Rules) ([]draft, error) {
	p, err := q.preset()
	if err != nil {
		return nil, err
	}
	create, err := s.createContent(u, q, rules)
	if err != nil {
		return nil, err
	}
	join, err := s.joinContent(ctx, u, "")
	if err != nil {
		return nil, err
	}
	alias, err := s.alias(q)
	if err != nil {
		return nil, err
	}
	d := drafting{by: u}
	d.state("m.room.create", "", create)
	d.list[0].also = s.listed(u, alias, q.Visibility == "public")
	d.state("m.room.member", u.ID, join)
	d.state("m.room.power_levels", "", s.powerLevels(u, q, rules, p))
	if alias != "" {
		d.state("m.room.canonical_alias", "", map[string]string{"alias": alias})
	}
	d.preset(q, "m.room.join_rules", "join_rule", p.joinRule)
	d.preset(q, "m.room.history_visibility", "history_visibility", p.historyVisibility)
	if p.guestAccess != "forbidden" { // which is what a room without the event means
		d.preset(q, "m.room.guest_access", "guest_access", p.guestAccess)
	}
	s.draftACL(&d, q)
	for _, e := range q.InitialState {
		if err := s.initial(ctx, e); err != nil {
			return nil, err
		}
		d.list = append(d.list, draft{sender: u, kind: e.Type, stateKey: &e.StateKey, content: e.Content})
	}
	d.described(q)
	if err := s.draftMembers(ctx, &d, q); err != nil {
		return nil, err
	}
	return d.list, d.err
}

// initial holds a state event of the request to what SetState asks.
func (s *Service) initial(ctx context.Context, e InitialState) error {
	if e.Type == "" || len(e.Content) == 0 {
		return merr.BadJSON("An event of initial_state lacks its type or content")
	}
	return s.settable(ctx, e.Type, e.StateKey, e.Content)
}

// draftMembers brings in the custodian and the people invited.
func (s *Service) draftMembers(ctx context.Context, d *drafting, q *CreateRequest) error {
	if s.kept(q) {
		if err := s.draftCustodian(ctx, d); err != nil {
			return err
		}
	}
	for _, target := range q.Invite {
		content, err := s.inviteContent(ctx, target, "", q.IsDirect)
		if err != nil {
			return err
		}
		if !s.local(target) {
			continue // when the room is there
		}
		d.state("m.room.member", target, content)
	}
	return nil
}

// createContent is the content of the m.room.create event.
//
// Spec: client-server API, "Creation"; rooms/v11, `creator`; rooms/v12, `additional_creators`.
func (s *Service) createContent(u User, q *CreateRequest, rules pdu.Rules) (map[string]any, error) {
	content := map[string]any{}
	for k, v := range q.CreationContent {
		content[k] = v
	}
	content["room_version"] = rules.Version
	if v, ok := content["m.federate"]; ok && v != true && v != false {
		return nil, merr.BadJSON("m.federate is neither true nor false")
	}
	delete(content, "creator")
	if rules.CreatorProperty {
		content["creator"] = u.ID
	}
	creators, err := s.creators(u, q, rules)
	delete(content, "additional_creators")
	if len(creators) > 0 {
		content["additional_creators"] = creators
	}
	return content, err
}

// creators are the additional creators, which rooms have from version 12 on.
func (s *Service) creators(u User, q *CreateRequest, rules pdu.Rules) (creators []string, err error) {
	if !rules.CreatorsRule {
		return nil, nil
	}
	if asked, ok := q.CreationContent["additional_creators"]; ok {
		if creators, ok = userIDs(asked); !ok {
			return nil, merr.InvalidParam("additional_creators is not a list of user ids")
		}
	}
	creators = append(creators, s.equals(q)...)
	slices.Sort(creators)
	return slices.DeleteFunc(slices.Compact(creators), func(id string) bool { return id == u.ID }), nil
}

// equals are those beside its creator who get all power in a new room: who is invited to a trusted conversation, and in a salon the custodian.
func (s *Service) equals(q *CreateRequest) (ids []string) {
	if q.Preset == "trusted_private_chat" {
		ids = append(ids, q.Invite...)
	}
	if s.kept(q) {
		ids = append(ids, s.Custodian.ID)
	}
	return ids
}

// kept tells whether the custodian is in a new room.
func (s *Service) kept(q *CreateRequest) bool {
	return s.Custody && s.Custodian.ID != "" && !q.conversation()
}

func userIDs(v any) ([]string, bool) {
	list, ok := v.([]any)
	ids := make([]string, 0, len(list))
	for _, item := range list {
		id, isText := item.(string)
		ok = ok && isText && pdu.ValidUserID(id)
		ids = append(ids, id)
	}
	return ids, ok
}

// powerLevels are the levels that a room begins with. From version 12 on creators are above all of them and are not listed; before, they have 100.
func (s *Service) powerLevels(u User, q *CreateRequest, rules pdu.Rules, p preset) map[string]any {
	users, tombstone := map[string]any{}, 150
	if !rules.CreatorsRule {
		tombstone = 100
		for _, id := range append(s.equals(q), u.ID) {
			users[id] = 100
		}
	}
	levels := map[string]any{
		"users_default": 0, "events_default": 0, "state_default": 50, "invite": p.invite, "kick": 50, "ban": 50, "redact": 50,
		"users":         users,
		"notifications": map[string]any{"room": 50},
		"events": map[string]any{
			"m.room.name": 50, "m.room.avatar": 50, "m.room.canonical_alias": 50, "m.room.power_levels": 100,
			"m.room.history_visibility": 100, "m.room.server_acl": 100, "m.room.encryption": 100, "m.room.tombstone": tombstone,
			"m.room.retention": 100,
		},
	}
	for k, v := range q.PowerLevelOverride {
		levels[k] = v
	}
	s.empower(levels, q, rules)
	return levels
}

// empower gives the custodian of a salon its power where the request lists others in the place of everybody.
func (s *Service) empower(levels map[string]any, q *CreateRequest, rules pdu.Rules) {
	users, ok := levels["users"].(map[string]any)
	if !ok || rules.CreatorsRule || !s.kept(q) {
		return
	}
	users = maps.Clone(users)
	users[s.Custodian.ID] = 100
	levels["users"] = users
}

// drafting collects the events of a new room.
type drafting struct {
	by   User
	list []draft
	err  error
}

// as drafts the next events of another sender into the same list.
func (d *drafting) as(u User) *draftingAs { return &draftingAs{d, u} }

type draftingAs struct {
	*drafting
	by User
}

func (d *draftingAs) state(kind, stateKey string, content any) { d.add(d.by, kind, stateKey, content) }

func (d *drafting) state(kind, stateKey string, content any) { d.add(d.by, kind, stateKey, content) }

func (d *drafting) add(by User, kind, stateKey string, content any) {
	raw, err := json.Marshal(content)
	d.err = errors.Join(d.err, err)
	d.list = append(d.list, draft{sender: by, kind: kind, stateKey: &stateKey, content: raw})
}

// preset adds a preset's event unless the request brings one itself.
func (d *drafting) preset(q *CreateRequest, kind, key, value string) {
	own := func(e InitialState) bool { return e.Type == kind && e.StateKey == "" }
	if !slices.ContainsFunc(q.InitialState, own) {
		d.state(kind, "", map[string]string{key: value})
	}
}

// described adds name and topic. Source: client-server API, m.room.topic.
func (d *drafting) described(q *CreateRequest) {
	if q.Name != "" {
		d.state("m.room.name", "", map[string]string{"name": q.Name})
	}
	if q.Topic != "" {
		d.state("m.room.topic", "", map[string]any{"topic": q.Topic,
			"m.topic": map[string]any{"m.text": []map[string]string{{"body": q.Topic}}}})
	}
}
