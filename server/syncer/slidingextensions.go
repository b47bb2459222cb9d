package syncer

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"beffroi/server/store"
)

func (l *slide) extensions() error {
	e := &l.q.Extensions
	for _, x := range []struct {
		on   bool
		read func() error
	}{
		{e.ToDevice != nil && e.ToDevice.Enabled, l.toDeviceMessages},
		{e.E2EE.on(), l.encryption},
		{e.AccountData.on(), l.dataOf},
		{e.Receipts.on(), l.receipts},
		{e.Typing.on(), l.typists},
		{e.Threads != nil && e.Threads.Enabled || e.UnstableThreads != nil && e.UnstableThreads.Enabled, l.threads},
	} {
		if !x.on {
			continue
		}
		if err := x.read(); err != nil {
			return err
		}
	}
	return nil
}

// toDevicePrefix begins the extension's own token, which goes on where connections end: `d1.POS`.
const toDevicePrefix = "d1."

// toDeviceMessages reads what waits after the extension's token, which proves what arrived: that is deleted.
//
// Source: MSC3885.
func (l *slide) toDeviceMessages() error {
	x := l.q.Extensions.ToDevice
	if x.Since != "" {
		digits, ok := strings.CutPrefix(x.Since, toDevicePrefix)
		if after, err := strconv.ParseInt(digits, 10, 64); ok && err == nil && after > 0 && after <= l.upto {
			l.after = after // what no answer of ours was is proof of nothing
		}
	}
	limit := maxToDevice
	if x.Limit > 0 {
		limit = min(x.Limit, maxToDevice)
	}
	messages, err := l.r.ToDeviceMessages(l.q.Session.Device, l.after, l.upto, limit)
	if err != nil {
		return err
	}
	next := l.upto
	if len(messages) == limit {
		next = messages[limit-1].Pos
	}
	a := &toDeviceAnswer{next: toDevicePrefix + strconv.FormatInt(next, 10), events: []json.RawMessage{}}
	for _, m := range messages {
		a.events = append(a.events, m.JSON)
	}
	l.answer.toDevice = a
	l.answer.news = l.answer.news || len(messages) > 0
	if l.after > 0 {
		l.acknowledge, err = l.r.HasToDeviceUpTo(l.q.Session.Device, l.after)
	}
	return err
}

// encryption tells whose keys changed since the last answer, and the counts of keys where they are others than those last told.
//
// Source: MSC3884.
func (l *slide) encryption() error {
	a := &e2eeAnswer{lists: store.DeviceLists{Changed: []string{}, Left: []string{}}}
	var err error
	if base := l.c.base.pos; base > 0 {
		if a.lists, err = l.r.DeviceListChanges(l.q.Session.User, base, l.upto); err != nil {
			return err
		}
	}
	counts, err := l.r.OneTimeKeyCounts(l.q.Session.Device)
	if err != nil {
		return err
	}
	unused, err := l.r.UnusedFallbackTypes(l.q.Session.Device)
	if err != nil {
		return err
	}
	if l.next.keys = fmt.Sprint(counts, unused); l.next.keys != l.c.base.keys {
		a.counts, a.fallback = counts, unused
		l.answer.news = l.answer.news || l.c.base.keys != ""
	}
	l.answer.e2ee = a
	l.answer.news = l.answer.news || len(a.lists.Changed)+len(a.lists.Left) > 0
	return nil
}
