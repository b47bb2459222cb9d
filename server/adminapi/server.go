package adminapi

// Source: Synapse's admin API, "Version API", "Federation API", "Background Updates API", "Scheduled tasks", "Experimental features",
// "Override ratelimiting for users" and "Get largest rooms by size in database".
func (a *API) serverCalls() []Call {
	const v1 = "/_synapse/admin/v1"
	empty := func(answer any) handler { return func(*request) (any, error) { return answer, nil } }
	nothing := map[string]any{}
	return []Call{
		{"GET", v1 + "/server_version", Reads, "the version of Beffroi", func(*request) (any, error) {
			return map[string]string{"server_version": "Beffroi " + a.Version}, nil
		}},
		{"GET", v1 + "/federation/destinations", Empty, "none", empty(map[string]any{"destinations": []any{}, "total": 0})},
		{"GET", v1 + "/background_updates/status", Empty, "none", empty(map[string]any{"enabled": true, "current_updates": nothing})},
		{"GET", v1 + "/scheduled_tasks", Empty, "none", empty(map[string]any{"scheduled_tasks": []any{}})},
		{"GET", v1 + "/experimental_features/{userId}", Empty, "none", empty(map[string]any{"features": nothing})},
		{"GET", v1 + "/users/{userId}/override_ratelimit", Empty, "none: limits are the same for everybody", empty(nothing)},
		{"GET", v1 + "/statistics/database/rooms", Empty, "none: the database does not tell", empty(map[string]any{"rooms": []any{}})},
		{"GET", v1 + "/threepid/{medium}/users/{address}", Empty, "404: who has an address is theirs to say", nobodyFound},
	}
}
