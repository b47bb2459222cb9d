package auth

import "beffroi/server/pdu"

var (
	scalarLevels = [...]string{"users_default", "events_default", "state_default", "ban", "redact", "kick", "invite"}
	mapLevels    = [...]string{"users", "events", "notifications"}
)

// powerLevels is rule 10.
func (c *check) powerLevels() error {
	content := c.event.Body()
	if err := c.levelTypes(content); err != nil { // 10.1 to 10.3
		return err
	}
	users, _ := c.levelMap(content.Get("users"))
	if c.levels.rules.CreatorsRule { // 10.4
		for _, creator := range c.levels.creators {
			if _, listed := users[creator]; listed {
				return &Rejected{Reason: "users lists the creator " + creator, Never: true}
			}
		}
	}
	if !c.levels.set { // 10.5
		return nil
	}
	if err := c.scalarChanges(content); err != nil { // 10.6
		return err
	}
	for _, name := range c.mapLevels() { // 10.7 to 10.10
		if err := c.mapChanges(name, content); err != nil {
			return err
		}
	}
	return nil
}

// mapLevels are the properties with levels by name that the rules look at:
// notifications from room version 6 on.
func (c *check) mapLevels() []string {
	if c.levels.rules.NotificationLevels {
		return mapLevels[:]
	}
	return mapLevels[:2]
}

// levelTypes asks that each level can be read. Before room version 10 the
// chapters ask this of users only; but without it a level that is there and
// says nothing would be taken for the default, and the rules on changes could
// not be applied to it. Other servers refuse it too.
func (c *check) levelTypes(content pdu.Object) error {
	for _, name := range scalarLevels {
		if v := content.Get(name); v.Exists() {
			if _, ok := level(c.levels.rules, v); !ok {
				return reject("%s is not an integer", name)
			}
		}
	}
	for _, name := range c.mapLevels() {
		levels, ok := c.levelMap(content.Get(name))
		if !ok {
			return reject("%s is not an object of integers", name)
		}
		if name != "users" {
			continue
		}
		for id := range levels {
			if !pdu.ValidUserID(id) {
				return reject("%q in users is no user id", id)
			}
		}
	}
	return nil
}

// levelMap reads an object of integers; an absent one has none.
func (c *check) levelMap(v pdu.Value) (levels map[string]int64, ok bool) {
	o, ok := v.Object()
	if !ok {
		return nil, !v.Exists()
	}
	levels = map[string]int64{}
	for name, v := range o.All() {
		n, ok := level(c.levels.rules, v)
		if !ok {
			return nil, false
		}
		levels[name] = n
	}
	return levels, true
}

func (c *check) scalarChanges(content pdu.Object) error {
	power := c.levels.For(c.event.Sender())
	for _, name := range scalarLevels {
		old, had := level(c.levels.rules, c.levels.content.Get(name))
		now, has := level(c.levels.rules, content.Get(name))
		if had == has && old == now {
			continue
		}
		if had && old > power {
			return reject("%s is above the sender's power level", name)
		}
		if has && now > power {
			return reject("%s is set above the sender's power level", name)
		}
	}
	return nil
}

func (c *check) mapChanges(name string, content pdu.Object) error {
	power := c.levels.For(c.event.Sender())
	before, _ := c.levelMap(c.levels.content.Get(name))
	after, _ := c.levelMap(content.Get(name))
	for key, old := range before {
		if now, has := after[key]; has && now == old {
			continue
		}
		if old > power {
			return reject("%s in %s is above the sender's power level", key, name)
		}
		if name == "users" && old == power && key != c.event.Sender() { // 10.9
			return reject("%s has the same power level as the sender", key)
		}
	}
	for key, now := range after {
		if old, had := before[key]; (!had || now != old) && now > power {
			return reject("%s in %s is set above the sender's power level", key, name)
		}
	}
	return nil
}
