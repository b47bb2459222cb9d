package syncer

import (
	"encoding/json"
	"slices"
	"time"

	"beffroi/server/clientevent"
	"beffroi/server/ephemeral"
	"beffroi/server/push"
	"beffroi/server/store"
	"beffroi/server/synctoken"
)

// maxToDevice is how many to-device messages one answer carries. Source: client-server API, "Send-to-Device messaging",
// "Server behaviour".
const maxToDevice = 100

// look is one reading of everything that a device has not seen.
type look struct {
	*Syncer
	q      *Request
	device *device
	r      *store.Reader
	now    time.Time
	answer *Answer

	initial     bool  // everything, as if there were no token
	since, upto int64 // what is read: since < position ≤ upto
	after       int64 // to-device messages up to here have arrived
	acknowledge bool  // and still stand in the database
	typing      int64 // typing is read up to here
	typed       int64 // and was up to there

	news    *store.News // nil: only the database knows what came since
	known   *facts      // that held at since; nil: none
	drained bool        // no message waits for the device

	token   synctoken.Sync
	data    map[store.RoomRef][]store.AccountData
	members map[memberKey]store.NID // that this answer sends
	ignored map[store.Atom]bool     // users, nil where they were not read yet
	blocked *bool                   // whether the user wants no invitations, nil where that was not read yet
	fields  clientevent.Fields      // that the filter asks for

	memberships map[store.RoomRef]store.RoomMember // that hold at upto
	counts      map[store.RoomRef]push.Counts      // of all rooms, nil where they are read room by room
}

// newLook decides what is read. The published position is taken before the snapshot, so everything up to it is there.
func (s *Syncer) newLook(q *Request, d *device) *look {
	l := &look{Syncer: s, q: q, device: d, now: s.now(), upto: s.db.Visible(), typing: s.sources.Ephemeral.Position(), initial: true,
		answer: newAnswer(), data: map[store.RoomRef][]store.AccountData{}, members: map[memberKey]store.NID{}}
	l.fields = clientevent.ParseFields(q.Filter.EventFields)
	if t := q.Since; t != nil {
		l.continues(t)
	}
	if l.initial {
		d.forget()
	}
	if !l.initial && !q.FullState {
		if l.news = s.db.News(l.since, q.Session.User, q.Session.Device); l.news != nil {
			l.known = d.factsAt(l.since)
		}
	}
	l.answer.whole = l.initial
	l.token = synctoken.Sync{Epoch: s.epoch, Pos: l.upto, ToDevice: l.upto, Boot: s.sources.Ephemeral.Boot(), Eph: l.typing}
	return l
}

// continues takes up where a token ends. One of another epoch, or of the future, proves only which to-device messages arrived.
// Spec: ARCHITECTURE.md, "Tokens".
func (l *look) continues(t *synctoken.Sync) {
	if t.ToDevice <= l.upto {
		l.after = t.ToDevice
	}
	if t.Epoch != l.epoch || t.Pos > l.upto {
		return
	}
	l.initial, l.since = false, t.Pos
	if t.Boot == l.sources.Ephemeral.Boot() {
		l.typed = t.Eph
	}
}

func (l *look) run(r *store.Reader) error {
	l.r = r
	for _, part := range []func() error{l.toDevice, l.keys, l.deviceLists, l.presence, l.accountData, l.rooms} {
		if err := part(); err != nil {
			return err
		}
	}
	l.answer.NextBatch = l.token.String()
	return nil
}

// remember keeps what the next look is spared by.
func (l *look) remember(wakes uint64) {
	l.device.sent(l.members, l.upto)
	l.device.learn(&facts{pos: l.upto, drained: l.drained, ignored: l.ignored, oneTimeKeys: l.answer.OneTimeKeys,
		unusedFallbacks: l.answer.UnusedFallbacks, memberships: l.memberships})
	if len(l.answer.ToDevice.Events) > 0 {
		return // the next look deletes them
	}
	l.device.rest(&quiet{token: l.token, wakes: wakes})
}

// touched tells whether one of the user's or the device's streams may have changed.
func (l *look) touched(what store.Touched) bool { return l.news == nil || l.news.Touched&what != 0 }

// Spec: client-server API, "Send-to-Device messaging", "Extensions to /sync".
func (l *look) toDevice() error {
	if l.known != nil && l.known.drained && !l.touched(store.TouchedDevice) {
		l.drained = true
		return nil
	}
	messages, err := l.r.ToDeviceMessages(l.q.Session.Device, l.after, l.upto, maxToDevice)
	if err != nil {
		return err
	}
	l.drained = len(messages) == 0
	for _, m := range messages {
		l.answer.ToDevice.Events = append(l.answer.ToDevice.Events, m.JSON)
	}
	if len(messages) == maxToDevice {
		l.token.ToDevice = messages[maxToDevice-1].Pos
	}
	if l.after > 0 {
		l.acknowledge, err = l.r.HasToDeviceUpTo(l.q.Session.Device, l.after)
	}
	return err
}

// Spec: client-server API, "End-to-end encryption", "Extensions to /sync".
func (l *look) keys() (err error) {
	if l.known != nil && !l.touched(store.TouchedDevice) {
		l.answer.OneTimeKeys, l.answer.UnusedFallbacks = l.known.oneTimeKeys, l.known.unusedFallbacks
		return nil
	}
	if l.answer.OneTimeKeys, err = l.r.OneTimeKeyCounts(l.q.Session.Device); err != nil {
		return err
	}
	unused, err := l.r.UnusedFallbackTypes(l.q.Session.Device)
	l.answer.UnusedFallbacks = append(l.answer.UnusedFallbacks, unused...)
	return err
}

// deviceLists is for who continues only. After a restore everybody is named: what changed in the lost interval is not known.
func (l *look) deviceLists() error {
	if l.q.Since == nil {
		return nil
	}
	if !l.touched(store.TouchedDeviceLists | store.TouchedMembers | store.TouchedSignatures) {
		l.answer.DeviceLists = &store.DeviceLists{Changed: []string{}, Left: []string{}}
		return nil
	}
	read := func() (store.DeviceLists, error) { return l.r.DeviceListChanges(l.q.Session.User, l.since, l.upto) }
	if l.initial {
		read = func() (store.DeviceLists, error) { return l.r.AllDeviceLists(l.q.Session.User) }
	}
	lists, err := read()
	l.answer.DeviceLists = &store.DeviceLists{Changed: append([]string{}, lists.Changed...), Left: append([]string{}, lists.Left...)}
	return err
}

// presence tells who is here of those that the user shares a room with; also of those with whom that is new, who are among the device lists.
//
// Spec: client-server API, "Presence".
func (l *look) presence() error {
	var met []string
	if l.answer.DeviceLists != nil {
		met = l.answer.DeviceLists.Changed
	}
	after := l.typed
	if l.initial {
		after = ephemeral.All
	}
	changed, err := l.sources.Ephemeral.PresenceChanges(l.r, l.q.Session.User, after, met)
	for _, p := range changed {
		if err != nil || !l.q.Filter.Presence.Match("m.presence", p.UserID) {
			continue
		}
		var event []byte
		event, err = json.Marshal(presenceEvent{"m.presence", p.UserID, p.Presence})
		l.answer.Presence.Events = append(l.answer.Presence.Events, event)
	}
	return err
}

type presenceEvent struct {
	Type    string             `json:"type"`
	Sender  string             `json:"sender"`
	Content ephemeral.Presence `json:"content"`
}

// accountData answers with the global data, and keeps the rooms' for their sections.
func (l *look) accountData() error {
	if !l.touched(store.TouchedData) {
		return nil
	}
	data, err := l.r.AccountDataSince(l.q.Session.User, l.since, l.upto)
	if err != nil {
		return err
	}
	if l.initial && !slices.ContainsFunc(data, isPushRules) {
		data = append(data, store.AccountData{Type: store.AtomPushRules}) // everybody has rules
	}
	for _, d := range data {
		if d.Room != 0 {
			l.data[d.Room] = append(l.data[d.Room], d)
			continue
		}
		if isPushRules(d) {
			if d.Content, err = push.Content(d.Content, l.q.Session.UserID); err != nil {
				return err
			}
		}
		if err := l.addData(&l.answer.AccountData, d, l.q.Filter.AccountData.Match); err != nil {
			return err
		}
	}
	return nil
}

func isPushRules(d store.AccountData) bool { return d.Room == 0 && d.Type == store.AtomPushRules }

func (l *look) addData(to *Events, d store.AccountData, match func(eventType, sender string) bool) error {
	eventType, err := l.r.Text(d.Type)
	if err != nil || !match(eventType, l.q.Session.UserID) {
		return err
	}
	return to.add(eventType, d.Content)
}

func (l *look) texts(atoms []store.Atom) ([]string, error) {
	out := make([]string, 0, len(atoms))
	for _, a := range atoms {
		text, err := l.r.Text(a)
		if err != nil {
			return nil, err
		}
		out = append(out, text)
	}
	return out, nil
}

// view shows events without their room's id, which the sections are keyed by.
func (l *look) view(around clientevent.Around) *clientevent.View {
	return &clientevent.View{Device: l.q.Session.Device, User: l.q.Session.User, Now: l.now, Around: around, Fields: l.fields}
}
