package server_test

import (
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
)

type destinationAnswer struct {
	Server    string   `json:"server"`
	State     string   `json:"state"`
	Words     string   `json:"words"`
	Failed    int      `json:"failed"`
	Waiting   int      `json:"waiting"`
	LastError string   `json:"last_error"`
	Success   int64    `json:"last_success_ts"`
	Rooms     []string `json:"rooms"`
}

// An administrator sees that a server is away, what waits for it and why, and sends it at once when they know that it is there.
func TestAnAdministratorSeesOtherServers(t *testing.T) {
	home, there, alice, bob, roomID := together(t)
	chief := home.RegisterAdmin(t, "chief")
	const own, synapse = "/_beffroi/admin/v1/federation/destinations", "/_synapse/admin/v1/federation/destinations"
	one := "/" + url.PathEscape(there.ServerName)
	alice.SendText(roomID, "a")
	arrives(t, bob, roomID, []string{"a"})
	look := func() (d destinationAnswer) {
		t.Helper()
		chief.Must("GET", own+one, nil, &d)
		return d
	}
	if d := look(); d.Server != there.ServerName || d.State != "up_to_date" || d.Words != "à jour" || d.Success == 0 || !slices.Equal(d.Rooms, []string{roomID}) {
		t.Errorf("%+v", d)
	}
	chief.MustFail(400, "M_UNKNOWN", "POST", synapse+one+"/reset_connection", nil)

	there.Stop()
	alice.SendText(roomID, "b")
	alice.SendText(roomID, "c")
	for until := time.Now().Add(20 * time.Second); look().Failed == 0 && time.Now().Before(until); {
		home.DB().Visible() // it is asked again: the first attempt takes its time
	}
	d := look()
	if d.State != "failing" || d.Waiting < 1 || d.LastError != "il refuse la connexion" || !strings.HasPrefix(d.Words, "en panne depuis moins d'une minute") {
		t.Errorf("%+v", d)
	}
	var list struct {
		Destinations []destinationAnswer `json:"destinations"`
		Total        int                 `json:"total"`
	}
	chief.Must("GET", own+"?state=trouble&search=127", nil, &list)
	if list.Total != 1 || len(list.Destinations) != 1 || list.Destinations[0].Server != there.ServerName {
		t.Errorf("%+v", list)
	}
	var theirs struct {
		Destinations []struct {
			Destination string `json:"destination"`
			Failure     *int64 `json:"failure_ts"`
		} `json:"destinations"`
		Total int `json:"total"`
	}
	chief.Must("GET", synapse, nil, &theirs)
	if theirs.Total != 1 || theirs.Destinations[0].Failure == nil || theirs.Destinations[0].Destination != there.ServerName {
		t.Errorf("%+v", theirs)
	}
	var rooms struct {
		Rooms []struct {
			RoomID string `json:"room_id"`
		} `json:"rooms"`
	}
	if chief.Must("GET", synapse+one+"/rooms", nil, &rooms); len(rooms.Rooms) != 1 || rooms.Rooms[0].RoomID != roomID {
		t.Errorf("%+v", rooms)
	}

	there.Again()
	var retried struct {
		Waiting int `json:"waiting"`
	}
	chief.Must("POST", own+one+"/retry", object{}, &retried)
	arrives(t, bob, roomID, []string{"c", "b", "a"})
	var journal struct {
		Acts []struct {
			Act    string `json:"act"`
			Target string `json:"target"`
		} `json:"acts"`
	}
	chief.Must("GET", "/_beffroi/admin/v1/journal?act=federation.retry", nil, &journal)
	if len(journal.Acts) != 1 || journal.Acts[0].Target != there.ServerName {
		t.Errorf("%+v", journal)
	}
	chief.MustFail(404, "M_NOT_FOUND", "GET", own+"/none.example", nil)
}
