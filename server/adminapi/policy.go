package adminapi

import (
	"encoding/json"

	"beffroi/server/limits"
	"beffroi/server/merr"
	"beffroi/server/policy"
)

// With which other servers this one speaks.
func (a *API) policyCalls() []Call {
	const v1, listBytes = "/_beffroi/admin/v1/policy", 2 * policy.MaxDocument
	return []Call{
		call("GET", v1, Reads, "`{mode, foreign_rooms, deny, added, lists, servers, acl_lists_servers}`: with which servers this one speaks, and on whose word", a.policy),
		call("POST", v1+"/preview", Reads, "the body of a change; answers `{servers: [{server_name, why, rooms: [{room_id, name, members}], total_rooms}], rooms}`: the servers that would be lost, with the rooms shared with them. Changes nothing", a.previewPolicy),
		call("POST", v1, Acts, "`{mode, foreign_rooms, deny: [{pattern, reason}], undeny, add: [{server_name, organisation, contact, status, verify_keys, ...}], remove, unsubscribe}`, what is missing stays; answers as the preview; confirmed", a.confirmed(a.changePolicy)),
		call("GET", v1+"/servers", Reads, "`{servers: [{list_id, server}], total, next_from}`: what lists and the town hall say of servers, by name; chosen by `search`, a part of name or organisation", a.listedServers),
		call("GET", v1+"/servers/{serverName}", Reads, "`{admitted, why, entries, pinned}`: whether this server speaks with that one, and on whose word", a.policyServer),
		call("POST", v1+"/lists", Acts, "`{address, key}` or `{document, key}`: subscribes to a trust list; 400 FR.BEFFROI.TRUST_LIST with a French sentence where it can't be had; answers as the preview; confirmed", a.confirmed(a.subscribe)).as(limits.Account).upTo(listBytes),
		call("PUT", v1+"/lists/{listId}", Acts, "`{document}`: a newer document of a list; answers as the preview; confirmed", a.confirmed(a.renewList)).upTo(listBytes),
		call("POST", v1+"/lists/{listId}/fetch", Acts, "fetches a list now; answers as the preview", a.fetchList).as(limits.Account),
	}
}

func (a *API) policy(*request) (any, error) { return a.Policy.Overview(), nil }

func (a *API) previewPolicy(r *request) (any, error) {
	c, err := change(r)
	if err != nil {
		return nil, err
	}
	return a.Policy.Preview(r.Context(), c)
}

func (a *API) changePolicy(r *request) (any, error) {
	c, err := change(r)
	if err != nil {
		return nil, err
	}
	return a.Policy.Apply(r.Context(), r.Session.UserID, c)
}

// change reads a change of the policy; what is wrong with a server in it is told in words.
func change(r *request) (policy.Change, error) {
	var q struct {
		policy.Change
		Add []json.RawMessage `json:"add"`
	}
	if err := r.Decode(&q); err != nil {
		return q.Change, err
	}
	for _, b := range q.Add {
		server, err := policy.ParseServer(b)
		if err != nil {
			return q.Change, merr.InvalidParam("%s", err.Error())
		}
		q.Change.Add = append(q.Change.Add, server)
	}
	return q.Change, nil
}

func (a *API) listedServers(r *request) (any, error) {
	from, limit, err := page(r)
	if err != nil {
		return nil, err
	}
	found := a.Policy.Search(r.URL.Query().Get("search"))
	part, next := cut(found, from, limit)
	answer := map[string]any{"servers": part, "total": len(found)}
	if next > 0 {
		answer["next_from"] = next
	}
	return answer, nil
}

func (a *API) policyServer(r *request) (any, error) {
	return a.Policy.Server(r.PathValue("serverName")), nil
}

// listBody is a list as its publisher signed it: its JSON.
type listBody struct {
	Address  string          `json:"address"`
	Key      string          `json:"key"`
	Document json.RawMessage `json:"document"`
}

func (a *API) subscribe(r *request) (any, error) {
	var q listBody
	if err := r.Decode(&q); err != nil {
		return nil, err
	}
	return a.Policy.Subscribe(r.Context(), r.Session.UserID, q.Address, q.Document, q.Key)
}

func (a *API) renewList(r *request) (any, error) {
	var q listBody
	if err := r.Decode(&q); err != nil {
		return nil, err
	}
	return a.Policy.Renew(r.Context(), r.Session.UserID, r.PathValue("listId"), q.Document)
}

func (a *API) fetchList(r *request) (any, error) {
	return a.Policy.Refetch(r.Context(), r.Session.UserID, r.PathValue("listId"))
}
