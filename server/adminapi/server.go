package adminapi

// Source: Synapse's admin API, "Version API", "Federation API", "Background Updates API", "Scheduled tasks", "Experimental features",
// "Override ratelimiting for users" and "Get largest rooms by size in database".
func (a *API) serverCalls() []Call {
	const v1 = "/_synapse/admin/v1"
	const limitPath = v1 + "/users/{userId}/override_ratelimit"
	empty := func(answer any) handler { return func(*request) (any, error) { return answer, nil } }
	nothing := map[string]any{}
	return []Call{
		call("GET", v1+"/server_version", Reads, "the version of Beffroi", func(*request) (any, error) {
			return map[string]string{"server_version": "Beffroi " + a.Version}, nil
		}),
		call("GET", v1+"/background_updates/status", Empty, "none", empty(map[string]any{"enabled": true, "current_updates": nothing})),
		call("GET", v1+"/scheduled_tasks", Empty, "none", empty(map[string]any{"scheduled_tasks": []any{}})),
		call("GET", v1+"/experimental_features/{userId}", Empty, "none", empty(map[string]any{"features": nothing})),
		call("GET", limitPath, Reads, "what is allowed to somebody instead of everybody's limits", a.rateOverride),
		call("POST", limitPath, Acts, "allows somebody more or fewer events than everybody", a.setRateOverride),
		call("DELETE", limitPath, Acts, "takes that back", a.deleteRateOverride),
		call("GET", v1+"/statistics/database/rooms", Empty, "none: the database does not tell", empty(map[string]any{"rooms": []any{}})),
	}
}
