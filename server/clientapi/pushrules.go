package clientapi

import (
	"beffroi/server/limits"
	"beffroi/server/merr"
	"beffroi/server/push"
)

// Spec: client-server API, "Push Rules: API".
func (a *API) pushRuleRoutes() []route {
	const all = "/_matrix/client/v3/pushrules/"
	const rule = all + "global/{kind}/{ruleId}"
	return []route{
		{Method: "GET", Path: all + "{$}", Handle: a.pushRules},
		{Method: "GET", Path: all + "global/{$}", Handle: a.globalPushRules},
		{Method: "GET", Path: rule, Handle: a.pushRule},
		{Method: "PUT", Path: rule, Handle: a.putPushRule, Suspended: true, Class: limits.Settings},
		{Method: "DELETE", Path: rule, Handle: a.deletePushRule, Suspended: true, Class: limits.Settings},
		{Method: "GET", Path: rule + "/enabled", Handle: a.pushRuleEnabled},
		{Method: "PUT", Path: rule + "/enabled", Handle: a.setPushRuleEnabled, Suspended: true, Class: limits.Settings},
		{Method: "GET", Path: rule + "/actions", Handle: a.pushRuleActions},
		{Method: "PUT", Path: rule + "/actions", Handle: a.setPushRuleActions, Suspended: true, Class: limits.Settings},
	}
}

func (a *API) pushRules(r *request) (any, error) {
	rules, err := a.Push.Rules(r.Context(), r.Session.User, r.Session.UserID)
	return map[string]push.Ruleset{"global": rules}, err
}

func (a *API) globalPushRules(r *request) (any, error) {
	return a.Push.Rules(r.Context(), r.Session.User, r.Session.UserID)
}

func (a *API) pushRule(r *request) (any, error) { return a.rule(r) }

func (a *API) rule(r *request) (push.Rule, error) {
	return a.Push.Rule(r.Context(), r.Session.User, r.Session.UserID, r.PathValue("kind"), r.PathValue("ruleId"))
}

func (a *API) putPushRule(r *request) (any, error) {
	var body struct {
		Actions    []push.Action    `json:"actions"`
		Conditions []push.Condition `json:"conditions"`
		Pattern    *string          `json:"pattern"`
	}
	if err := r.Decode(&body); err != nil {
		return nil, err
	}
	rule := push.Rule{RuleID: r.PathValue("ruleId"), Actions: body.Actions, Conditions: body.Conditions, Pattern: body.Pattern}
	query := r.URL.Query()
	return nil, a.Push.Put(r.Context(), r.Session.User, r.PathValue("kind"), rule, query.Get("before"), query.Get("after"))
}

func (a *API) deletePushRule(r *request) (any, error) {
	return nil, a.Push.Delete(r.Context(), r.Session.User, r.PathValue("kind"), r.PathValue("ruleId"))
}

func (a *API) pushRuleEnabled(r *request) (any, error) {
	rule, err := a.rule(r)
	return map[string]bool{"enabled": rule.Enabled}, err
}

func (a *API) setPushRuleEnabled(r *request) (any, error) {
	var body struct {
		Enabled *bool `json:"enabled"`
	}
	if err := r.Decode(&body); err != nil {
		return nil, err
	}
	if body.Enabled == nil {
		return nil, merr.BadJSON("enabled is missing")
	}
	return nil, a.Push.SetEnabled(r.Context(), r.Session.User, r.PathValue("kind"), r.PathValue("ruleId"), *body.Enabled)
}

func (a *API) pushRuleActions(r *request) (any, error) {
	rule, err := a.rule(r)
	return map[string][]push.Action{"actions": rule.Actions}, err
}

func (a *API) setPushRuleActions(r *request) (any, error) {
	var body struct {
		Actions []push.Action `json:"actions"`
	}
	if err := r.Decode(&body); err != nil {
		return nil, err
	}
	return nil, a.Push.SetActions(r.Context(), r.Session.User, r.PathValue("kind"), r.PathValue("ruleId"), body.Actions)
}
