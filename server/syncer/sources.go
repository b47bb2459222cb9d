package syncer

import (
	"context"

	"beffroi/server/accounts"
	"beffroi/server/e2ee"
	"beffroi/server/ephemeral"
	"beffroi/server/push"
)

// Sources are the services beside the store whose streams /sync carries. Whatever changes in one of them wakes the users who see it.
type Sources struct {
	// Still refuses a session that ended while its request waited; nil: sessions don't end.
	Still func(ctx context.Context, session *accounts.Session) error

	Ephemeral *ephemeral.Service
	E2EE      *e2ee.Service
	Push      *push.Service
}
