package adminapi

import (
	"beffroi/server/journal"
	"beffroi/server/merr"
)

// refusedCalls are those of Synapse's by which an administrator would read what is not theirs, or act as somebody else. The note is the sentence, French and English.
func refusedCalls() []Call {
	const (
		asOther = "Personne ne se connecte à la place d'une autre personne, pas même l'administration. / Nobody logs in as somebody else, not even the administration."
		words   = "L'administration ne lit pas les messages : demandez à un membre du salon. / The administration does not read messages: ask a member of the room."
		data    = "Les données d'un compte (clés, réglages, contacts) ne sont lisibles que par son titulaire. / The data of an account (keys, settings, contacts) can be read by its owner only."
		deceive = "On ne fait pas croire à une personne que ses messages arrivent : suspendez le compte. / Nobody is made to believe that their messages arrive: suspend the account."
		keys    = "Remplacer l'identité d'une personne demande son mot de passe. / To replace somebody's identity needs their password."
		archive = "Les messages sont effacés par la durée de conservation du salon, pas à la main : ils peuvent être des archives publiques. / Messages go by the room's retention, not by hand: they can be public archives."
		files   = "La liste des fichiers d'un salon donnerait accès à leur contenu. / The list of a room's files would give access to what is in them."
		repair  = "Les extrémités d'un salon se réparent seules. / The extremities of a room repair themselves."
	)
	const v1 = "/_synapse/admin/v1"
	refused := func(method, path, why string) Call {
		return Call{Method: method, Path: v1 + path, Class: Refused, Note: why}
	}
	return []Call{
		refused("POST", "/users/{userId}/login", asOther),
		refused("GET", "/users/{userId}/accountdata", data),
		refused("GET", "/rooms/{roomId}/messages", words),
		refused("GET", "/rooms/{roomId}/context/{eventId}", words),
		refused("GET", "/rooms/{roomId}/timestamp_to_event", words),
		refused("GET", "/rooms/{roomId}/hierarchy", words),
		refused("GET", "/fetch_event/{eventId}", words),
		refused("GET", "/room/{roomId}/media", files),
		refused("POST", "/room/{roomId}/media/quarantine", files),
		refused("POST", "/users/{userId}/shadow_ban", deceive),
		refused("DELETE", "/users/{userId}/shadow_ban", deceive),
		refused("POST", "/users/{userId}/_allow_cross_signing_replacement_without_uia", keys),
		{Method: "POST", Path: "/_synapse/admin/v2/users/{userId}/devices", Class: Refused, Note: asOther},
		refused("POST", "/purge_history/{roomId}", archive),
		refused("POST", "/purge_history/{roomId}/{eventId}", archive),
		refused("GET", "/purge_history_status/{purgeId}", archive),
		refused("DELETE", "/rooms/{roomId}/forward_extremities", repair),
	}
}

// refuse answers a call with its sentence; the try stands in the journal.
func (a *API) refuse(c Call) handler {
	return func(r *request) (any, error) {
		_, err := a.Journal.Record(r.Context(), journal.Entry{Actor: r.Session.UserID, Act: journal.RefusedByDesign, Target: r.PathValue("userId"),
			RoomID: r.PathValue("roomId"), Detail: map[string]any{"call": c.Method + " " + c.Path}})
		if err != nil {
			return nil, err
		}
		return nil, merr.Forbidden("%s", c.Note)
	}
}
