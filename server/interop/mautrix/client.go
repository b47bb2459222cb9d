//go:build goolm

package main

import (
	"context"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/rs/zerolog"
	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/crypto"
	"maunium.net/go/mautrix/crypto/attachment"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"
)

// A client is one device.
type client struct {
	log  zerolog.Logger
	mx   *mautrix.Client
	mach *crypto.OlmMachine

	mu      sync.Mutex
	rooms   map[id.RoomID]*room
	changes int           // counts what may have changed a view
	changed chan struct{} // closed at the next change
}

func newClient(log io.Writer) *client {
	return &client{
		log:     zerolog.New(log).Level(zerolog.WarnLevel),
		rooms:   map[id.RoomID]*room{},
		changed: make(chan struct{}),
	}
}

func (c *client) commands() map[string]command {
	return map[string]command{
		"login": c.login, "createRoom": c.createRoom, "createDirect": c.createDirect, "invite": c.invite, "join": c.join,
		"send": c.send, "edit": c.edit, "react": c.react, "redact": c.redact, "sendFile": c.sendFile, "readFile": c.readFile,
		"typing": c.typing, "read": c.read, "view": c.view, "history": c.history, "bootstrap": c.bootstrap, "restore": c.restore, "signed": c.signed, "knows": c.knows,
		"reply": c.reply, "thread": c.thread, "createPlain": c.createPlain, "search": c.search, "content": c.content, "sendContent": c.sendContent,
	}
}

func (c *client) login(ctx context.Context, a arguments) (any, error) {
	var err error
	if c.mx, err = mautrix.NewClient(a.URL, "", ""); err != nil {
		return nil, err
	}
	c.mx.Log = c.log
	c.mx.StateStore = mautrix.NewMemoryStateStore()
	login, err := c.mx.Login(ctx, &mautrix.ReqLogin{
		Type:       mautrix.AuthTypePassword,
		Identifier: mautrix.UserIdentifier{Type: mautrix.IdentifierTypeUser, User: a.User},
		Password:   a.Password, InitialDeviceDisplayName: a.Name, StoreCredentials: true,
	})
	if err != nil {
		return nil, err
	}
	if err := c.startCrypto(ctx); err != nil {
		return nil, err
	}
	if err := c.startSync(ctx); err != nil {
		return nil, err
	}
	return map[string]any{"user_id": login.UserID, "device_id": login.DeviceID}, nil
}

// startSync returns after the first answer was processed.
func (c *client) startSync(ctx context.Context) error {
	syncer := mautrix.NewDefaultSyncer()
	syncer.FilterJSON = &mautrix.Filter{Room: &mautrix.RoomFilter{Timeline: &mautrix.FilterPart{Limit: 100}}}
	syncer.OnSync(c.mach.ProcessSyncResponse)
	syncer.OnEventType(event.StateMember, c.mach.HandleMemberEvent)
	syncer.OnEventType(event.StateHistoryVisibility, c.mach.HandleHistoryVisibility)
	syncer.OnEvent(c.mx.StateStoreSyncHandler)
	c.mx.Syncer = rememberingSyncer{syncer, c.remember}
	ended := make(chan error, 1)
	first := c.nextChange()
	go func() {
		err := c.mx.SyncWithContext(ctx)
		c.log.Warn().Err(err).Msg("sync ended")
		ended <- err
	}()
	select {
	case <-first:
		return nil
	case err := <-ended:
		return err
	}
}

// A rememberingSyncer tells of an answer when it is processed, so that who sees a new member also encrypts for it.
type rememberingSyncer struct {
	*mautrix.DefaultSyncer
	remember func(*mautrix.RespSync)
}

func (s rememberingSyncer) ProcessResponse(ctx context.Context, resp *mautrix.RespSync, since string) error {
	err := s.DefaultSyncer.ProcessResponse(ctx, resp, since)
	s.remember(resp)
	return err
}

func (c *client) createRoom(ctx context.Context, a arguments) (any, error) {
	return c.mx.CreateRoom(ctx, &mautrix.ReqCreateRoom{Preset: "private_chat", Name: a.Name, InitialState: encrypted()})
}

func (c *client) createPlain(ctx context.Context, a arguments) (any, error) {
	return c.mx.CreateRoom(ctx, &mautrix.ReqCreateRoom{Preset: "private_chat", Name: a.Name})
}

func (c *client) createDirect(ctx context.Context, a arguments) (any, error) {
	return c.mx.CreateRoom(ctx, &mautrix.ReqCreateRoom{
		Preset: "trusted_private_chat", IsDirect: true, Invite: []id.UserID{id.UserID(a.User)}, InitialState: encrypted(),
	})
}

func encrypted() []*event.Event {
	megolm := event.Content{Parsed: &event.EncryptionEventContent{Algorithm: id.AlgorithmMegolmV1}}
	return []*event.Event{{Type: event.StateEncryption, StateKey: new(string), Content: megolm}}
}

func (c *client) invite(ctx context.Context, a arguments) (any, error) {
	return c.mx.InviteUser(ctx, id.RoomID(a.Room), &mautrix.ReqInviteUser{UserID: id.UserID(a.User)})
}

func (c *client) join(ctx context.Context, a arguments) (any, error) {
	return c.mx.JoinRoomByID(ctx, id.RoomID(a.Room))
}

func (c *client) send(ctx context.Context, a arguments) (any, error) {
	return c.sendMessage(ctx, id.RoomID(a.Room), &event.MessageEventContent{MsgType: event.MsgText, Body: a.Body})
}

func (c *client) edit(ctx context.Context, a arguments) (any, error) {
	content := &event.MessageEventContent{MsgType: event.MsgText, Body: a.Body}
	content.SetEdit(id.EventID(a.Event))
	return c.sendMessage(ctx, id.RoomID(a.Room), content)
}

func (c *client) react(ctx context.Context, a arguments) (any, error) {
	return c.mx.SendReaction(ctx, id.RoomID(a.Room), id.EventID(a.Event), a.Key)
}

func (c *client) redact(ctx context.Context, a arguments) (any, error) {
	return c.mx.RedactEvent(ctx, id.RoomID(a.Room), id.EventID(a.Event))
}

func (c *client) sendFile(ctx context.Context, a arguments) (any, error) {
	file := attachment.NewEncryptedFile()
	file.EncryptInPlace(a.Data)
	uploaded, err := c.mx.UploadBytes(ctx, a.Data, "application/octet-stream")
	if err != nil {
		return nil, err
	}
	return c.sendMessage(ctx, id.RoomID(a.Room), &event.MessageEventContent{
		MsgType: event.MsgFile, Body: a.Name,
		File: &event.EncryptedFileInfo{EncryptedFile: *file, URL: uploaded.ContentURI.CUString()},
	})
}

func (c *client) readFile(ctx context.Context, a arguments) (any, error) {
	evt := c.find(ctx, id.RoomID(a.Room), id.EventID(a.Event))
	if evt == nil || evt.Content.AsMessage().File == nil {
		return nil, fmt.Errorf("no file in %s", a.Event)
	}
	file := evt.Content.AsMessage().File
	url, err := file.URL.Parse()
	if err != nil {
		return nil, err
	}
	data, err := c.mx.DownloadBytes(ctx, url)
	if err != nil {
		return nil, err
	}
	err = file.DecryptInPlace(data)
	return map[string]any{"data": data}, err
}

func (c *client) typing(ctx context.Context, a arguments) (any, error) {
	return c.mx.UserTyping(ctx, id.RoomID(a.Room), a.Typing, 20*time.Second)
}

func (c *client) read(ctx context.Context, a arguments) (any, error) {
	return struct{}{}, c.mx.MarkRead(ctx, id.RoomID(a.Room), id.EventID(a.Event))
}
