package journal

import "beffroi/server/store"

// An Act is what was done.
type Act string

// The acts that there are.
const (
	CreateUser       Act = "user.create"
	ChangeUser       Act = "user.change"
	GrantAdmin       Act = "user.admin.grant"
	RevokeAdmin      Act = "user.admin.revoke"
	LockUser         Act = "user.lock"
	UnlockUser       Act = "user.unlock"
	SuspendUser      Act = "user.suspend"
	UnsuspendUser    Act = "user.unsuspend"
	DeactivateUser   Act = "user.deactivate"
	EraseUser        Act = "user.erase"
	PasswordLink     Act = "user.password_link"
	PasswordChosen   Act = "user.password_chosen"
	DeleteDevices    Act = "user.devices.delete"
	RenameDevice     Act = "user.devices.rename"
	ReadSessions     Act = "user.sessions.read"
	RedactUser       Act = "user.redact"
	HandOver         Act = "user.hand_over"
	JoinUser         Act = "room.join"
	MakeRoomAdmin    Act = "room.admin"
	DeleteRoom       Act = "room.delete"
	BlockRoom        Act = "room.block"
	UnblockRoom      Act = "room.unblock"
	QuarantineMedia  Act = "media.quarantine"
	ReleaseMedia     Act = "media.release"
	ProtectMedia     Act = "media.protect"
	UnprotectMedia   Act = "media.unprotect"
	DeleteMedia      Act = "media.delete"
	CreateToken      Act = "registration_token.create"
	ChangeToken      Act = "registration_token.change"
	DeleteToken      Act = "registration_token.delete"
	DeleteReport     Act = "report.delete"
	SendNotice       Act = "notice.send"
	SendNoticeToAll  Act = "notice.send_all"
	ChangeSettings   Act = "settings.change"
	ExportJournal    Act = "journal.export"
	ConfirmPassword  Act = "administration.confirm"
	RefusedByDesign  Act = "administration.refused"
	RotateKey        Act = "keys.rotate"
	RetryServer      Act = "federation.retry"
	RegisterBySecret Act = "user.register_secret"
	ChangePolicy     Act = "policy.change"
	ChangeTrustList  Act = "policy.list"
	RefuseServer     Act = "policy.refused"
)

var french = map[Act]string{
	CreateUser:       "Compte créé",
	ChangeUser:       "Compte modifié",
	GrantAdmin:       "Droits d'administration donnés",
	RevokeAdmin:      "Droits d'administration retirés",
	LockUser:         "Compte verrouillé",
	UnlockUser:       "Compte déverrouillé",
	SuspendUser:      "Compte suspendu",
	UnsuspendUser:    "Suspension levée",
	DeactivateUser:   "Compte fermé",
	EraseUser:        "Compte fermé et effacé",
	PasswordLink:     "Lien pour choisir un mot de passe",
	PasswordChosen:   "Mot de passe choisi par le lien",
	DeleteDevices:    "Appareils déconnectés",
	RenameDevice:     "Appareil renommé",
	ReadSessions:     "Connexions consultées",
	RedactUser:       "Messages d'une personne supprimés",
	HandOver:         "Salons transmis à une autre personne",
	JoinUser:         "Personne ajoutée à un salon",
	MakeRoomAdmin:    "Administrateur d'un salon désigné",
	DeleteRoom:       "Salon fermé",
	BlockRoom:        "Salon bloqué",
	UnblockRoom:      "Salon débloqué",
	QuarantineMedia:  "Fichier mis en quarantaine",
	ReleaseMedia:     "Fichier sorti de quarantaine",
	ProtectMedia:     "Fichier protégé de la quarantaine",
	UnprotectMedia:   "Protection d'un fichier levée",
	DeleteMedia:      "Fichiers supprimés",
	CreateToken:      "Jeton d'inscription créé",
	ChangeToken:      "Jeton d'inscription modifié",
	DeleteToken:      "Jeton d'inscription supprimé",
	DeleteReport:     "Signalement classé",
	SendNotice:       "Avis du serveur envoyé à une personne",
	SendNoticeToAll:  "Avis du serveur envoyé à tous",
	ChangeSettings:   "Réglages modifiés",
	RotateKey:        "Clé de signature du serveur remplacée",
	RetryServer:      "Envoi à un autre serveur relancé",
	ExportJournal:    "Journal exporté",
	ConfirmPassword:  "Mot de passe confirmé pour un acte sensible",
	RefusedByDesign:  "Demande refusée : elle donnerait accès à ce qui est privé",
	RegisterBySecret: "Compte créé par le secret partagé",
	ChangePolicy:     "Autres communes et organismes : choix de la mairie modifiés",
	ChangeTrustList:  "Liste de confiance reçue",
	RefuseServer:     "Demande d'un autre serveur refusée",
}

// Moderation is what locking or suspending an account is called, or ending that.
func Moderation(state store.AccountState, on bool) Act {
	switch {
	case state == store.AccountLocked && on:
		return LockUser
	case state == store.AccountLocked:
		return UnlockUser
	case on:
		return SuspendUser
	}
	return UnsuspendUser
}

// French names an act for people.
func (a Act) French() string {
	if words, ok := french[a]; ok {
		return words
	}
	return string(a)
}
