package auth

import "beffroi/server/pdu"

// Key names an entry of a room's state.
type Key struct{ Type, StateKey string }

// State is the state that an event is checked against. For rooms of version 12
// too it must know the m.room.create event, although no event lists that one
// among its auth events.
type State interface {
	// Event is the event in force, nil where there is none.
	Event(eventType, stateKey string) *pdu.Event
}

// Map is a State in memory.
type Map map[Key]*pdu.Event

// Event implements State.
func (m Map) Event(eventType, stateKey string) *pdu.Event { return m[Key{eventType, stateKey}] }

// Put sets the state events among those given; others are left out.
func (m Map) Put(events ...*pdu.Event) {
	for _, e := range events {
		if key, ok := e.StateKey(); ok {
			m[Key{e.Type(), key}] = e
		}
	}
}

// Membership is what an m.room.member event says, "" for nil and for content
// without.
func Membership(e *pdu.Event) string {
	if e == nil {
		return ""
	}
	membership, _ := e.Body().Text("membership")
	return membership
}

// JoinRule is what an m.room.join_rules event says, "invite" for nil and for
// content without.
func JoinRule(e *pdu.Event) string {
	if e != nil {
		if rule, ok := e.Body().Text("join_rule"); ok {
			return rule
		}
	}
	return "invite"
}

// Creators are the room's creators: the create event's creator property, from
// room version 11 on its sender, and from 12 on its additional_creators too.
//
// Spec: rooms/v1, rooms/v11 and rooms/v12, "Authorisation rules".
func Creators(create *pdu.Event) []string {
	creators := []string{create.Sender()}
	if create.Rules().CreatorProperty {
		creators[0], _ = create.Body().Text("creator")
	}
	if create.Rules().CreatorsRule {
		more, _ := create.Body().Get("additional_creators").Texts()
		creators = append(creators, more...)
	}
	return creators
}
