package store

import "database/sql"

const (
	getMeta = `SELECT value FROM meta WHERE name = ?`
	delMeta = `DELETE FROM meta WHERE name = ?`
	putMeta = `INSERT INTO meta (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value`
)

// The names of what stands in meta.
const (
	MetaServerName  = "server_name"  // text
	MetaEpoch       = "epoch"        // integer, raised by a restore
	MetaIncarnation = "incarnation"  // integer, raised by a restore: two machines must never give the same thing
	MetaTokenSecret = "token_secret" // bytes, the key of access tokens

	MetaPurged  = "purged"  // integer: events up to this number may have been deleted for ever
	MetaMissing = "missing" // JSON of Missing, the last time that anything was

	MetaVAPIDKey = "vapid_key" // bytes, the private key by which push services know this server

	MetaScrub = "scrub" // JSON of scrub.Report, the last one that the server made

	MetaMedia    = "media"    // JSON of media.Limits; none: the defaults
	MetaPreviews = "previews" // JSON of preview.Settings; none: no previews

	MetaPolicy    = "policy"     // JSON of policy.Settings; none: what the configuration says
	MetaPolicyACL = "policy_acl" // text: the policy whose m.room.server_acl all rooms have that it goes into; see rooms.RenewACLs

	metaPosition = "position" // integer, see positions

	MetaMail        = "mail"         // JSON of mail.Settings, with the password
	MetaMailState   = "mail_state"   // JSON of package mail: how sending goes
	MetaMailDomains = "mail_domains" // JSON, the domains whose addresses may register

	MetaJournalHead   = "journal_head"   // bytes of a JournalLink: the last row that was added
	MetaJournalAnchor = "journal_anchor" // bytes of a JournalLink: the last row that was pruned; none yet where there is none

	MetaCommuneName     = "commune_name"     // text, what people call the town hall; none where nobody was asked
	MetaBackupRecipient = "backup_recipient" // text, "age1..."[, several separated by spaces]: who can read the backups; the secret half is on the recovery sheet
	MetaRegistration    = "registration"     // JSON, lists of authentication types: the ways to register that the town hall has opened; none where it has not decided
	MetaSupport         = "support"          // JSON of accounts.Support: whom people ask for help; none where the town hall has not said it
	MetaSetup           = "setup"            // JSON of package setup, while the server has no name
)

// MetaText reads a text, "" where there is none.
func (r *Reader) MetaText(name string) (string, error) {
	var v string
	_, err := r.row(getMeta, in(name), &v)
	return v, err
}

// MetaInt reads an integer, 0 where there is none.
func (r *Reader) MetaInt(name string) (int64, error) {
	var v int64
	_, err := r.row(getMeta, in(name), &v)
	return v, err
}

// MetaBytes reads bytes, nil where there are none.
func (r *Reader) MetaBytes(name string) ([]byte, error) {
	var v []byte
	_, err := r.row(getMeta, in(name), &v)
	return v, err
}

// PutMeta writes a text, an integer or bytes.
func (tx *Tx) PutMeta(name string, value any) error { return tx.exec(putMeta, name, value) }

// DeleteMeta removes what is there, if anything is.
func (tx *Tx) DeleteMeta(name string) error { return tx.exec(delMeta, name) }

func scanInt[T ~int64](rows *sql.Rows) (v T, err error) {
	err = rows.Scan(&v)
	return v, err
}
