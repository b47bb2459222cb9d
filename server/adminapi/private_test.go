package adminapi_test

import (
	"net/url"
	"strings"
	"testing"

	"beffroi/server/adminapi"
	"beffroi/server/servertest"
)

// whisper puts a secret everywhere where people put what is theirs.
func (w *town) whisper() {
	room := client + "/rooms/" + url.PathEscape(w.salon)
	w.alice.SendText(w.conversation, "chuchot word")
	w.alice.Must("PUT", room+"/state/m.room.topic", object{"topic": "chuchot topic"}, nil)
	w.alice.Must("PUT", room+"/state/m.room.pinned_events", object{"pinned": []string{"$chuchot"}}, nil)
	w.alice.Must("PUT", room+"/state/fr.mairie.note/chuchot-key", object{"note": "chuchot note"}, nil)
	w.alice.Must("PUT", room+"/state/m.room.name", object{"name": "Conseil", "fr.mairie.draft": "chuchot draft"}, nil)
	w.alice.Must("PUT", room+"/state/m.room.member/"+w.alice.UserID, object{"membership": "join", "fr.mairie.mood": "chuchot mood"}, nil)
	w.alice.Must("PUT", client+"/user/"+w.alice.UserID+"/account_data/fr.mairie.x", object{"x": "chuchot data"}, nil)
	w.alice.Must("PUT", client+"/user/"+w.alice.UserID+"/rooms/"+w.salon+"/tags/chuchot-tag", object{}, nil)
	w.alice.Must("POST", client+"/user/"+w.alice.UserID+"/filter", object{"room": object{"rooms": []string{"!chuchot:x"}}}, nil)
	w.alice.Must("PUT", client+"/pushrules/global/content/chuchot-rule", object{"pattern": "chuchot", "actions": []any{"notify"}}, nil)
	w.alice.Must("PUT", client+"/sendToDevice/fr.mairie.x/1", object{"messages": object{w.bob.UserID: object{"*": object{"x": "chuchot letter"}}}}, nil)
	w.bob.Must("POST", client+"/rooms/"+w.salon+"/leave", object{"reason": "chuchot reason"}, nil)
}

// private are texts that no answer to an administrator has: what people wrote, and what opens what is theirs.
func (w *town) private() []string {
	return []string{"chuchot", w.media, w.alice.AccessToken, w.bob.AccessToken, "argon2"}
}

// The list of the calls that could read what is private: none. Every call is made on a server full of secrets, and whatever it answers has none of them.
func TestNothingPrivateIsShown(t *testing.T) {
	w := openTown(t)
	w.whisper()
	w.chief.Must("POST", ours+"/confirmation", object{"password": "chief"}, nil)
	called := 0
	for _, c := range new(adminapi.API).Calls() {
		if c.Class == adminapi.Open || c.Method == "DELETE" || strings.Contains(c.Path, "deactivate") {
			continue
		}
		for _, room := range []string{w.salon, w.conversation} {
			for _, event := range []string{w.reported, "$none"} {
				path := strings.NewReplacer("{eventId}", url.PathEscape(event), "{serverName}", w.ServerName, "{mediaId}", w.media, "{first}", url.PathEscape(room),
					"{second}", "delete_status", "{localpart}", "alice").Replace(c.Path)
				status, answer := w.chief.Raw(c.Method, servertest.Sample(path, room, w.alice), object{})
				called++
				if strings.Contains(c.Path, "media/{serverName}") && status == 200 {
					answer = []byte(strings.ReplaceAll(string(answer), w.media, "")) // who asks by the id knows it
				}
				for _, secret := range w.private() {
					if strings.Contains(string(answer), secret) {
						t.Errorf("%s %s: %d has %q: %s", c.Method, c.Path, status, secret, answer)
					}
				}
			}
		}
	}
	if called < 200 {
		t.Errorf("%d calls were made", called)
	}
	for _, act := range w.acts() {
		if text, _ := act["target"].(string); strings.Contains(text, "chuchot") {
			t.Errorf("the journal has content: %v", act)
		}
	}
}

// What would show it is refused with a sentence in French and English, and the try stands in the journal.
func TestWhatIsPrivateIsRefusedWithASentence(t *testing.T) {
	w := openTown(t)
	refused := 0
	for _, c := range new(adminapi.API).Calls() {
		if c.Class != adminapi.Refused {
			continue
		}
		refused++
		var answer struct{ Errcode, Error string }
		if status := w.chief.Do(c.Method, servertest.Sample(c.Path, w.salon, w.alice), object{}, &answer); status != 403 || answer.Errcode != "M_FORBIDDEN" ||
			!strings.Contains(answer.Error, ". / ") || len(answer.Error) < 60 {
			t.Errorf("%s %s: %d %v", c.Method, c.Path, status, answer)
		}
		if last := w.acts()[0]; last["act"] != "administration.refused" || get(last["detail"], "call") != c.Method+" "+c.Path || last["actor"] != w.chief.UserID {
			t.Errorf("%s %s: the journal says %v", c.Method, c.Path, last)
		}
	}
	if refused < 15 {
		t.Errorf("%d calls are refused", refused)
	}
}

// A handle names a file to administration, and nothing to the content repository; quarantine is for everybody, and protection against it.
func TestFilesAreKnownByHandles(t *testing.T) {
	w := openTown(t)
	twin := w.upload(w.bob, "copie.txt", "chuchot file") // the same bytes
	var list struct {
		Media []struct {
			ID string `json:"media_id"`
		}
	}
	w.chief.Must("GET", v1+"/users/"+w.alice.UserID+"/media", nil, &list)
	handle := list.Media[0].ID
	download := func(id string) string { return "/_matrix/client/v1/media/download/" + w.ServerName + "/" + id }
	w.chief.MustFail(404, "M_NOT_FOUND", "GET", download(handle), nil)
	if status, _ := w.alice.Raw("GET", download(w.media), nil); status != 200 {
		t.Fatal(status)
	}
	w.chief.Must("POST", v1+"/media/quarantine/"+w.ServerName+"/"+handle, object{}, nil)
	for _, id := range []string{w.media, twin} {
		w.alice.MustFail(404, "M_NOT_FOUND", "GET", download(id), nil)
		w.chief.MustFail(404, "M_NOT_FOUND", "GET", download(id)+"?admin_unsafely_bypass_quarantine=true", nil)
	}
	again := w.upload(w.bob, "encore.txt", "chuchot file")
	w.bob.MustFail(404, "M_NOT_FOUND", "GET", download(again), nil)
	w.chief.Must("POST", v1+"/media/protect/"+twin, object{}, nil)
	if status, _ := w.bob.Raw("GET", download(twin), nil); status != 200 {
		t.Error("a protected file is hidden", status)
	}
	w.chief.Must("POST", v1+"/media/unquarantine/"+w.ServerName+"/"+handle, object{}, nil)
	if status, _ := w.alice.Raw("GET", download(w.media), nil); status != 200 {
		t.Error(status)
	}
	w.chief.Must("DELETE", v1+"/media/"+w.ServerName+"/"+handle, nil, nil)
	w.alice.MustFail(404, "M_NOT_FOUND", "GET", download(w.media), nil)
	if status, _ := w.bob.Raw("GET", download(twin), nil); status != 200 {
		t.Error("deleting one upload took the bytes of another", status)
	}
	for _, wrong := range []string{"adm-", "adm-AAAA", handle + "A", "adm-" + strings.Repeat("A", 60), "%2e%2e"} {
		w.chief.MustFail(404, "M_NOT_FOUND", "DELETE", v1+"/media/"+w.ServerName+"/"+wrong, nil)
	}
	w.chief.MustFail(404, "M_NOT_FOUND", "DELETE", v1+"/media/elsewhere/"+twin, nil)
}

// Files go by date and size, but for avatars, unless they may.
func TestFilesByDate(t *testing.T) {
	w := openTown(t)
	face, room := w.upload(w.bob, "visage.png", "face"), w.upload(w.alice, "salon.png", "room")
	w.bob.Must("PUT", client+"/profile/"+w.bob.UserID+"/avatar_url", object{"avatar_url": "mxc://" + w.ServerName + "/" + face}, nil)
	w.alice.Must("PUT", client+"/rooms/"+w.salon+"/state/m.room.avatar", object{"url": "mxc://" + w.ServerName + "/" + room}, nil)
	var gone struct{ Total int }
	const late = "9000000000000"
	w.chief.Must("POST", v1+"/media/delete?before_ts="+late+"&size_gt=100", object{}, &gone)
	if gone.Total != 0 {
		t.Error(gone)
	}
	if w.chief.Must("POST", v1+"/media/delete?before_ts="+late, object{}, &gone); gone.Total != 1 {
		t.Error("avatars are to be kept", gone)
	}
	if w.chief.Must("POST", v1+"/media/delete?before_ts="+late+"&keep_profiles=false", object{}, &gone); gone.Total != 2 {
		t.Error(gone)
	}
}
