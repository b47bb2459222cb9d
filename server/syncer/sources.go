package syncer

import (
	"beffroi/server/e2ee"
	"beffroi/server/ephemeral"
	"beffroi/server/push"
)

// Sources are the services beside the store whose streams /sync carries. Whatever changes in one of them wakes the users who see it.
type Sources struct {
	Ephemeral *ephemeral.Service
	E2EE      *e2ee.Service
	Push      *push.Service
}
