package appservice

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"sync"
	"time"

	"beffroi/server/merr"
)

// Protocol is a network that services bridge to. Source: client-server API, "Third-party Networks".
type Protocol struct {
	UserFields     []string             `json:"user_fields"`
	LocationFields []string             `json:"location_fields"`
	Icon           string               `json:"icon"`
	FieldTypes     map[string]FieldType `json:"field_types"`
	Instances      []Instance           `json:"instances"`
}

// FieldType is what a field of a protocol may hold.
type FieldType struct {
	Regexp      string `json:"regexp"`
	Placeholder string `json:"placeholder"`
}

// Instance is one network of a protocol.
type Instance struct {
	Desc       string         `json:"desc"`
	Icon       string         `json:"icon,omitempty"`
	Fields     map[string]any `json:"fields"`
	NetworkID  string         `json:"network_id"`
	InstanceID string         `json:"instance_id"` // ours: unique among all services
}

// Location is a place in a network that a room leads to.
type Location struct {
	Alias    string         `json:"alias"`
	Protocol string         `json:"protocol"`
	Fields   map[string]any `json:"fields"`
}

// Person is somebody in a network.
type Person struct {
	UserID   string         `json:"userid"`
	Protocol string         `json:"protocol"`
	Fields   map[string]any `json:"fields"`
}

const thirdPartyTime = 5 * time.Second

// InstanceID names a network of a service among all: the third_party_instance_id of /publicRooms.
func InstanceID(service, network string) string { return service + "|" + network }

// Protocols gives all networks by the ids of their protocols. A service that does not answer is left out.
func (s *Service) Protocols(ctx context.Context) map[string]Protocol {
	var mu sync.Mutex
	var asking sync.WaitGroup
	all := map[string]Protocol{}
	names := map[string]bool{}
	for _, r := range s.Set.All() {
		for _, name := range r.Protocols {
			names[name] = true
		}
	}
	for name := range names {
		asking.Go(func() {
			if p, ok := s.protocol(ctx, name); ok {
				mu.Lock()
				defer mu.Unlock()
				all[name] = p
			}
		})
	}
	asking.Wait()
	return all
}

// Protocol gives one network: 404 M_NOT_FOUND where no service answers for it.
func (s *Service) Protocol(ctx context.Context, name string) (Protocol, error) {
	p, ok := s.protocol(ctx, name)
	if !ok {
		return p, errNoNetwork()
	}
	return p, nil
}

func errNoNetwork() error { return merr.NotFound("This server is not connected to that network") }

// protocol puts together what the services say of a protocol: the first one describes it, each has instances of it.
func (s *Service) protocol(ctx context.Context, name string) (all Protocol, ok bool) {
	for _, peer := range s.of(name) {
		p, err := fetch[Protocol](ctx, peer, "/thirdparty/protocol"+segment(name), nil)
		if err != nil {
			s.Log.Warn().Err(err).Str("appservice", peer.ID).Msg("an application service does not describe its network")
			continue
		}
		for i := range p.Instances {
			p.Instances[i].InstanceID = InstanceID(peer.ID, p.Instances[i].NetworkID)
			p.Instances[i].Fields = orEmpty(p.Instances[i].Fields)
		}
		if !ok {
			all, ok = p, true
			continue
		}
		all.Instances = append(all.Instances, p.Instances...)
	}
	all.UserFields, all.LocationFields = append([]string{}, all.UserFields...), append([]string{}, all.LocationFields...)
	all.FieldTypes, all.Instances = orEmpty(all.FieldTypes), append([]Instance{}, all.Instances...)
	return all, ok
}

func orEmpty[V any](m map[string]V) map[string]V {
	if m == nil {
		return map[string]V{}
	}
	return m
}

// of lists the services of a protocol; all that have any for "".
func (s *Service) of(protocol string) (all []*peer) {
	for _, r := range s.Set.All() {
		if protocol == "" && len(r.Protocols) > 0 || r.HasProtocol(protocol) {
			all = append(all, s.peers[r.ID])
		}
	}
	return all
}

// Locations finds places in networks: by fields of a protocol, or of all ("") by the alias of a room. 404 M_NOT_FOUND where there are none.
func (s *Service) Locations(ctx context.Context, protocol string, fields url.Values) ([]Location, error) {
	return find(ctx, s, "/thirdparty/location", protocol, fields, func(l *Location) bool {
		l.Fields = orEmpty(l.Fields)
		return l.Alias != "" && l.Protocol != ""
	})
}

// People finds people in networks: by fields of a protocol, or of all ("") by their user id. 404 M_NOT_FOUND where there are none.
func (s *Service) People(ctx context.Context, protocol string, fields url.Values) ([]Person, error) {
	return find(ctx, s, "/thirdparty/user", protocol, fields, func(p *Person) bool {
		p.Fields = orEmpty(p.Fields)
		return p.UserID != "" && p.Protocol != ""
	})
}

// find collects what services have. What is not whole is left out, and so is a service that does not answer.
func find[T any](ctx context.Context, s *Service, path, protocol string, fields url.Values, whole func(*T) bool) (all []T, err error) {
	services := s.of(protocol)
	if len(services) == 0 {
		return nil, errNoNetwork()
	}
	if protocol != "" {
		path += segment(protocol)
	}
	for _, peer := range services {
		some, err := fetch[[]T](ctx, peer, path, fields)
		if err != nil {
			s.Log.Warn().Err(err).Str("appservice", peer.ID).Msg("an application service was not asked successfully")
		}
		for i := range some {
			if whole(&some[i]) {
				all = append(all, some[i])
			}
		}
	}
	if len(all) == 0 {
		return nil, merr.NotFound("Nothing was found in that network")
	}
	return all, nil
}

var errStatus = errors.New("unexpected status")

// fetch reads JSON from a service; the zero value where that has nothing.
func fetch[T any](ctx context.Context, p *peer, path string, fields url.Values) (v T, err error) {
	ctx, cancel := context.WithTimeout(ctx, thirdPartyTime)
	defer cancel()
	a, err := p.ask(ctx, call{method: http.MethodGet, path: path, old: oldPrefix3 + path, query: fields})
	if err != nil {
		return v, err
	}
	if !a.ok() {
		return v, fmt.Errorf("%w %d", errStatus, a.status)
	}
	return v, json.Unmarshal(a.body, &v)
}
