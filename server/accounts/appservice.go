package accounts

import (
	"context"
	"fmt"
	"net/http"
	"net/url"

	"beffroi/server/merr"
	"beffroi/server/registrations"
	"beffroi/server/store"
)

// TypeService is the authentication type of application services.
const TypeService = "m.login.application_service"

// putSenders makes the accounts of the application services themselves. A new service may not take the account that a person logs in to: who holds the
// as_token would be that person. The error is in French.
func putSenders(tx *store.Tx, cfg Config, now int64) error {
	for _, service := range cfg.Services.All() {
		user, err := tx.Atom(service.Sender)
		if err != nil {
			return err
		}
		a, found, err := tx.Account(user)
		if err != nil {
			return err
		}
		_, known, err := tx.ServiceCursor(service.ID)
		if err != nil {
			return err
		}
		if found && a.Password != "" && !known || service.Sender == "@"+cfg.Custodian+":"+cfg.ServerName {
			return fmt.Errorf("%s : sender_localpart : %s est le compte d'une personne, ou de la commune", service.File, service.Sender)
		}
		if _, err := tx.PutAccount(store.Account{User: user, Created: now}); err != nil {
			return err
		}
	}
	return nil
}

// Assert gives the session of the user and device that the parameters user_id and device_id of a request name, where the session may act as others.
// For everybody else it is the session itself. It refuses with 403 M_FORBIDDEN users outside of the service's namespaces, those of another service and those without an
// account, with 400 M_UNKNOWN_DEVICE devices of others, and with 401 M_USER_LOCKED.
//
// Source: application service API, "Identity assertion".
func (s *Service) Assert(ctx context.Context, session *Session, parameters url.Values) (*Session, error) {
	userID, deviceID := parameters.Get("user_id"), parameters.Get("device_id")
	if session.Service == nil || userID == "" && deviceID == "" {
		return session, nil
	}
	if userID == "" {
		userID = session.Service.Sender
	}
	if !session.Service.HasUser(userID) || s.cfg.Services.UserTaken(userID, session.Service) {
		return nil, merr.Forbidden("The application service may not act as this user")
	}
	return s.serviceSession(ctx, session.Service, userID, deviceID)
}

// serviceSession is the session of an application service as one of its users, on a device of theirs or on none.
func (s *Service) serviceSession(ctx context.Context, service *registrations.Registration, userID, deviceID string) (*Session, error) {
	session := &Session{UserID: userID, Service: service}
	return session, s.db.Peek(ctx, func(r *store.Reader) error {
		a, err := s.ofService(r, userID)
		if err != nil {
			return err
		}
		session.User, session.Device = a.User, -int64(a.User)
		session.Admin = a.Admin && service.OwnsUser(userID)
		session.Suspended = a.State.Is(store.AccountSuspended)
		if session.Allowed, err = allowance(r, a.User); err != nil {
			return err
		}
		session.Allowed.Unlimited = session.Allowed.Unlimited || !session.limited()
		if deviceID == "" {
			return nil
		}
		d, found, err := r.Device(a.User, deviceID)
		if err == nil && !found {
			err = merr.New(http.StatusBadRequest, "M_UNKNOWN_DEVICE", "The user has no such device")
		}
		session.Device, session.DeviceID = d.ID, d.DeviceID
		return err
	})
}

// ofService finds an account that an application service may use: never the town hall's.
func (s *Service) ofService(r *store.Reader, userID string) (store.Account, error) {
	a, found, err := findAccount(r, userID)
	switch {
	case err != nil:
		return a, err
	case !found || a.State.Is(store.AccountDeactivated) || userID == "@"+s.cfg.Custodian+":"+s.cfg.ServerName:
		return a, merr.Forbidden("The application service has not registered this user")
	case a.State.Is(store.AccountLocked):
		return a, errLocked()
	}
	return a, nil
}

// ServiceOf gives the application service of an as_token: 401 M_MISSING_TOKEN without one, 401 M_UNKNOWN_TOKEN for any other token.
func (s *Service) ServiceOf(token string) (*registrations.Registration, error) {
	if token == "" {
		return nil, merr.New(http.StatusUnauthorized, "M_MISSING_TOKEN", "Missing access token")
	}
	service := s.cfg.Services.ByToken(token)
	if service == nil {
		return nil, merr.UnknownToken(false)
	}
	return service, nil
}

// Services are the application services of this server.
func (s *Service) Services() *registrations.Set { return s.cfg.Services }

// exclusive refuses a user id that belongs to an application service, to everybody but that one; and to a service what is not in its
// namespaces. service is nil for people. The error is 400 M_EXCLUSIVE.
//
// Source: application service API, "Server admin style permissions".
func (s *Service) exclusive(userID string, service *registrations.Registration) error {
	if service != nil && !service.HasUser(userID) || s.cfg.Services.UserTaken(userID, service) {
		return merr.New(http.StatusBadRequest, "M_EXCLUSIVE", "This user name belongs to an application service, or is not in the service's namespaces")
	}
	return nil
}

// LoginAs logs a device in as a user of an application service, who needs no password. user is a localpart or a user id. Errors: 400 M_EXCLUSIVE, 403
// M_FORBIDDEN without such an account and for an administrator who is a person, 401 M_USER_LOCKED.
//
// Source: application service API, "Server admin style permissions".
func (s *Service) LoginAs(ctx context.Context, service *registrations.Registration, user string, client NewDevice) (Grant, error) {
	userID := s.localUserID(user)
	if err := s.exclusive(userID, service); err != nil {
		return Grant{}, err
	}
	device, err := s.prepareDevice(client)
	if err != nil {
		return Grant{}, err
	}
	err = s.db.Write(ctx, func(tx *store.Tx) error {
		a, err := s.ofService(&tx.Reader, userID)
		if err != nil {
			return err
		}
		if a.Admin && !service.OwnsUser(userID) {
			return merr.Forbidden("The application service may not log in as an administrator")
		}
		device.User = a.User
		return s.putDevice(tx, &device)
	})
	if err != nil {
		return Grant{}, err
	}
	return s.grant(userID, device, client.Refresh)
}

// PutDevice names a device, and makes it where it is not there: created tells which. Only application services may make devices so.
//
// Source: client-server API, PUT /devices/{deviceId}.
func (s *Service) PutDevice(ctx context.Context, user store.Atom, client NewDevice) (created bool, err error) {
	device, err := s.prepareDevice(client)
	if err != nil {
		return false, err
	}
	device.User = user
	return created, s.db.Write(ctx, func(tx *store.Tx) error {
		known, found, err := tx.Device(user, client.ID)
		switch {
		case err != nil:
			return err
		case !found:
			created = true
			return s.putDevice(tx, &device)
		case client.DisplayName != "":
			return tx.RenameDevice(known.ID, client.DisplayName)
		}
		return nil
	})
}
