//go:build goolm

package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"

	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/crypto"
	"maunium.net/go/mautrix/crypto/backup"
	"maunium.net/go/mautrix/crypto/signatures"
	"maunium.net/go/mautrix/crypto/ssss"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"
)

func (c *client) startCrypto(ctx context.Context) error {
	state, ok := c.mx.StateStore.(crypto.StateStore)
	if !ok {
		return errors.New("the state store does not know encryption")
	}
	c.mach = crypto.NewOlmMachine(c.mx, &c.log, crypto.NewMemoryStore(nil), state)
	c.mach.SessionReceived = func(context.Context, id.RoomID, id.SessionID, uint32) { go c.announce() }
	if err := c.mach.Load(ctx); err != nil {
		return err
	}
	return c.mach.ShareKeys(ctx, 0)
}

// sendMessage shares a new megolm session with the members of an encrypted room where there is none that they all have.
func (c *client) sendMessage(ctx context.Context, roomID id.RoomID, content *event.MessageEventContent) (any, error) {
	c.mu.Lock()
	plain := !c.room(roomID).encrypted
	c.mu.Unlock()
	if plain {
		return c.mx.SendMessageEvent(ctx, roomID, event.EventMessage, content)
	}
	encrypted, err := c.mach.EncryptMegolmEvent(ctx, roomID, event.EventMessage, content)
	if crypto.IsShareError(err) {
		members, err := c.mx.StateStore.GetRoomJoinedOrInvitedMembers(ctx, roomID)
		if err != nil {
			return nil, err
		}
		if err := c.mach.ShareGroupSession(ctx, roomID, members); err != nil {
			return nil, err
		}
		encrypted, err = c.mach.EncryptMegolmEvent(ctx, roomID, event.EventMessage, content)
		if err != nil {
			return nil, err
		}
	} else if err != nil {
		return nil, err
	}
	return c.mx.SendMessageEvent(ctx, roomID, event.EventEncrypted, encrypted)
}

// bootstrap sets up cross-signing, secret storage and the key backup, and uploads the keys that are here.
func (c *client) bootstrap(ctx context.Context, a arguments) (any, error) {
	recoveryKey, _, err := c.mach.GenerateAndUploadCrossSigningKeysWithPassword(ctx, a.Password, "")
	if err != nil {
		return nil, err
	}
	if err := c.mach.SignOwnDevice(ctx, c.mach.OwnIdentity()); err != nil {
		return nil, err
	}
	if err := c.mach.SignOwnMasterKey(ctx); err != nil {
		return nil, err
	}
	secret, err := c.openStorage(ctx, recoveryKey)
	if err != nil {
		return nil, err
	}
	return map[string]any{"recovery_key": recoveryKey}, c.backUp(ctx, secret)
}

// restore lets this device in with the recovery key: it is cross-signed, and gets the keys of the backup.
func (c *client) restore(ctx context.Context, a arguments) (any, error) {
	if err := c.mach.VerifyWithRecoveryKey(ctx, a.RecoveryKey); err != nil {
		return nil, err
	}
	secret, err := c.openStorage(ctx, a.RecoveryKey)
	if err != nil {
		return nil, err
	}
	seed, err := c.mach.SSSS.GetDecryptedAccountData(ctx, event.AccountDataMegolmBackupKey, secret)
	if err != nil {
		return nil, err
	}
	key, err := backup.MegolmBackupKeyFromBytes(seed)
	if err != nil {
		return nil, err
	}
	if _, err := c.mach.DownloadAndStoreLatestKeyBackup(ctx, key); err != nil {
		return nil, err
	}
	sessions, err := c.mach.CryptoStore.GetAllGroupSessions(ctx).AsList()
	return map[string]any{"imported": len(sessions)}, err
}

// signed returns when a user's device bears its owner's cross-signature, of which sync tells.
func (c *client) signed(ctx context.Context, a arguments) (any, error) {
	for changes := -1; ; {
		var err error
		if changes, err = c.waitChange(ctx, changes); err != nil {
			return nil, err
		}
		device, err := c.mach.GetOrFetchDevice(ctx, id.UserID(a.User), id.DeviceID(a.Device))
		if err != nil {
			return nil, err
		}
		trust, err := c.mach.ResolveTrustContext(ctx, device)
		if err != nil || trust >= id.TrustStateCrossSignedUntrusted {
			return struct{}{}, err
		}
	}
}

// knows returns when the client knows a user's device.
func (c *client) knows(ctx context.Context, a arguments) (any, error) {
	for changes := -1; ; {
		var err error
		if changes, err = c.waitChange(ctx, changes); err != nil {
			return nil, err
		}
		device, err := c.mach.CryptoStore.GetDevice(ctx, id.UserID(a.User), id.DeviceID(a.Device))
		if err != nil || device != nil {
			return struct{}{}, err
		}
	}
}

func (c *client) openStorage(ctx context.Context, recoveryKey string) (*ssss.Key, error) {
	keyID, metadata, err := c.mach.SSSS.GetDefaultKeyData(ctx)
	if err != nil {
		return nil, err
	}
	return metadata.VerifyRecoveryKey(keyID, recoveryKey)
}

// backUp makes a key backup, whose private key is in the secret storage, and fills it with the keys that are here.
func (c *client) backUp(ctx context.Context, secret *ssss.Key) error {
	key, err := backup.NewMegolmBackupKey()
	if err != nil {
		return err
	}
	if err := c.mach.SSSS.SetEncryptedAccountData(ctx, event.AccountDataMegolmBackupKey, key.Bytes(), secret); err != nil {
		return err
	}
	version, err := c.createBackup(ctx, key)
	if err != nil {
		return err
	}
	sessions, err := c.mach.CryptoStore.GetAllGroupSessions(ctx).AsList()
	if err != nil {
		return err
	}
	rooms := map[id.RoomID]mautrix.ReqRoomKeyBackup{}
	for _, session := range sessions {
		if rooms[session.RoomID].Sessions == nil {
			rooms[session.RoomID] = mautrix.ReqRoomKeyBackup{Sessions: map[id.SessionID]mautrix.ReqKeyBackupData{}}
		}
		if rooms[session.RoomID].Sessions[session.ID()], err = seal(key, session); err != nil {
			return err
		}
	}
	_, err = c.mx.PutKeysInBackup(ctx, version, &mautrix.ReqKeyBackup{Rooms: rooms})
	return err
}

// createBackup makes an empty backup, signed by the user's master key.
func (c *client) createBackup(ctx context.Context, key *backup.MegolmBackupKey) (id.KeyBackupVersion, error) {
	auth := backup.MegolmAuthData{PublicKey: id.Ed25519(base64.RawStdEncoding.EncodeToString(key.PublicKey().Bytes()))}
	master := c.mach.CrossSigningKeys.MasterKey
	signature, err := master.SignJSON(auth)
	if err != nil {
		return "", err
	}
	auth.Signatures = signatures.NewSingleSignature(c.mx.UserID, id.KeyAlgorithmEd25519, master.PublicKey().String(), signature)
	created, err := c.mx.CreateKeyBackupVersion(ctx, &mautrix.ReqRoomKeysVersionCreate[backup.MegolmAuthData]{
		Algorithm: id.KeyBackupAlgorithmMegolmBackupV1, AuthData: auth,
	})
	if err != nil {
		return "", err
	}
	return created.Version, nil
}

func seal(key *backup.MegolmBackupKey, session *crypto.InboundGroupSession) (mautrix.ReqKeyBackupData, error) {
	first := session.Internal.FirstKnownIndex()
	exported, err := session.Internal.Export(first)
	if err != nil {
		return mautrix.ReqKeyBackupData{}, err
	}
	data, err := backup.EncryptSessionData(key, backup.MegolmSessionData{
		Algorithm:          id.AlgorithmMegolmV1,
		ForwardingKeyChain: append([]string{}, session.ForwardingChains...),
		SenderClaimedKeys:  backup.SenderClaimedKeys{Ed25519: session.SigningKey},
		SenderKey:          session.SenderKey,
		SessionKey:         string(exported),
	})
	if err != nil {
		return mautrix.ReqKeyBackupData{}, err
	}
	raw, err := json.Marshal(data)
	return mautrix.ReqKeyBackupData{FirstMessageIndex: int(first), SessionData: raw}, err
}
