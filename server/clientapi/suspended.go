package clientapi

import (
	"encoding/json"

	"beffroi/server/store"
)

// What suspended accounts may write: nothing, but for the routes that say so, which are those that the specification names and those that nobody
// else sees. Those that send events ask here. Source: client-server API, "Account suspension".

// maySend lets suspended accounts redact their own events.
func (a *API) maySend(r *request, content json.RawMessage) error {
	if r.PathValue("eventType") != "m.room.redaction" {
		return r.Session.Writable()
	}
	var redaction struct {
		Redacts string `json:"redacts"`
	}
	_ = json.Unmarshal(content, &redaction) // of another type it names nothing
	return a.mayRedact(r, redaction.Redacts)
}

// mayRedact lets suspended accounts redact their own events.
func (a *API) mayRedact(r *request, eventID string) error {
	if !r.Session.Suspended {
		return nil
	}
	e, err := store.Get(r.Context(), a.DB, func(r *store.Reader) (store.Event, error) {
		e, _, err := r.EventByID(eventID)
		return e, err
	})
	if err != nil || e.Sender == r.Session.User {
		return err
	}
	return r.Session.Writable()
}

// maySetState lets suspended accounts leave.
func maySetState(r *request, content json.RawMessage) error {
	var member struct {
		Membership string `json:"membership"`
	}
	_ = json.Unmarshal(content, &member) // of another type it is no leaving
	if r.PathValue("eventType") == "m.room.member" && r.PathValue("stateKey") == r.Session.UserID && member.Membership == "leave" {
		return nil
	}
	return r.Session.Writable()
}
