package policy

import (
	"beffroi/server/store"
)

func (s *Service) millis() int64 { return store.Millis(s.now()) }

// Admits tells whether this server speaks with another one, now. It speaks with itself by no network.
func (s *Service) Admits(server string) bool {
	return server != s.ServerName && s.set.Load().why(server, s.millis()) == admitted
}

// Why tells why this server does not speak with another one, in French; "" where it does.
func (s *Service) Why(server string) Reason { return s.set.Load().why(server, s.millis()) }

// Pinned gives the keys with which a server signs, where the town hall or a list says it in trusted mode: no others count.
func (s *Service) Pinned(server string) (map[string]store.ServerKey, bool) {
	return s.set.Load().pinned(server)
}

// Settings gives what the town hall decided.
func (s *Service) Settings() Settings { return s.set.Load().Settings }

// RoomVerdict tells whether users of this server may join a room in which these servers have members, and which of them this server does not speak with. Where
// joining is allowed all the same, who joins is warned of them.
func (s *Service) RoomVerdict(servers []string) (allowed bool, unlisted []string) {
	set, now := s.set.Load(), s.millis()
	for _, server := range servers {
		if server != s.ServerName && set.why(server, now) != admitted {
			unlisted = append(unlisted, server)
		}
	}
	return len(unlisted) == 0 || set.ForeignRooms == Warn, unlisted
}

// Notaries are the servers whose word on the keys of others counts by a list or by the town hall.
func (s *Service) Notaries() (names []string) {
	set, now := s.set.Load(), s.millis()
	if set.Mode != Trusted {
		return nil
	}
	for _, name := range set.notaries {
		if set.why(name, now) == admitted {
			names = append(names, name)
		}
	}
	return names
}
