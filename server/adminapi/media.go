package adminapi

import (
	"cmp"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"beffroi/server/merr"
	"beffroi/server/store"
)

// Source: Synapse's admin API, "Querying media", "Quarantine media", "Delete local media", "User media" and "Users' media usage statistics".
func (a *API) mediaCalls() []Call {
	const v1 = "/_synapse/admin/v1"
	return []Call{
		call("GET", v1+"/users/{userId}/media", Reads, "sizes, types and times of what somebody uploaded. In place of the media id stands a handle, by which these calls know the file and nobody can download it; "+
			"the file's name is not told", a.userMedia),
		call("DELETE", v1+"/users/{userId}/media", Acts, "removes uploads of a user, 100 unless `limit` says otherwise", a.deleteUserMedia),
		call("GET", v1+"/media/{serverName}/{mediaId}", Reads, "size, type and time of one file, by its id or handle; neither name nor hash", a.mediaInfo),
		call("DELETE", v1+"/media/{serverName}/{mediaId}", Acts, "removes a file", a.deleteMedia),
		call("POST", v1+"/media/quarantine/{serverName}/{mediaId}", Acts, "hides a file, and all uploads of the same bytes, from everybody, administrators too", a.quarantine(true)),
		call("POST", v1+"/media/unquarantine/{serverName}/{mediaId}", Acts, "shows it again", a.quarantine(false)),
		call("POST", v1+"/user/{userId}/media/quarantine", Acts, "hides all that a user uploaded", a.quarantineUser),
		call("POST", v1+"/media/{first}/{second}", Acts, "`protect/{mediaId}` keeps quarantine and deletion by date from a file, `unprotect/{mediaId}` no longer; `{serverName}/delete` is the old form of `media/delete`", a.mediaPost),
		call("POST", v1+"/media/delete", Acts, "removes what was uploaded before `before_ts` (when it was last looked at is not known here) and is larger than `size_gt`", a.deleteMediaBefore),
		call("POST", v1+"/purge_media_cache", Acts, "removes the copies of other servers' files that nobody looked at since `before_ts`", a.purgeMediaCache),
		call("GET", v1+"/statistics/users/media", Reads, "how much who has uploaded", a.mediaUse),
	}
}

// mediaEntry is an upload as lists have it: without its name, and with a handle in place of its id.
type mediaEntry struct {
	MediaID       string  `json:"media_id"`
	Length        int64   `json:"media_length"`
	Type          string  `json:"media_type"`
	CreatedTS     int64   `json:"created_ts"`
	LastAccessTS  *int64  `json:"last_access_ts"`
	UploadName    *string `json:"upload_name"`
	QuarantinedBy *string `json:"quarantined_by"`
	Protected     bool    `json:"safe_from_quarantine"`
}

func (a *API) toMediaEntry(m store.MediaInfo) mediaEntry {
	return mediaEntry{MediaID: a.Admin.Handle(m.ID), Length: m.Size, Type: m.ContentType, CreatedTS: m.Created, QuarantinedBy: orNull(m.QuarantinedBy),
		Protected: m.Protected}
}

func mediaColumns() map[string]func(a, b store.MediaInfo) int {
	same := func(store.MediaInfo, store.MediaInfo) int { return 0 }
	return map[string]func(a, b store.MediaInfo) int{
		"media_id":             func(a, b store.MediaInfo) int { return cmp.Compare(a.ID, b.ID) },
		"created_ts":           func(a, b store.MediaInfo) int { return cmp.Compare(a.Created, b.Created) },
		"media_length":         func(a, b store.MediaInfo) int { return cmp.Compare(a.Size, b.Size) },
		"media_type":           func(a, b store.MediaInfo) int { return cmp.Compare(a.ContentType, b.ContentType) },
		"quarantined_by":       func(a, b store.MediaInfo) int { return cmp.Compare(a.QuarantinedBy, b.QuarantinedBy) },
		"safe_from_quarantine": func(a, b store.MediaInfo) int { return yesNo(a.Protected) - yesNo(b.Protected) },
		"upload_name":          same,
		"last_access_ts":       same,
	}
}

// chosenMedia is the page of a user's uploads that is asked for: the newest first unless the request says otherwise.
func (a *API) chosenMedia(r *request) (part []store.MediaInfo, next, total int, err error) {
	from, limit, err := page(r)
	if err != nil {
		return nil, 0, 0, err
	}
	all, err := a.Admin.UserMedia(r.Context(), r.PathValue("userId"))
	if err != nil {
		return nil, 0, 0, err
	}
	back, err := backward(r, !r.URL.Query().Has("order_by"))
	if err != nil {
		return nil, 0, 0, err
	}
	err = order(r, all, mediaColumns(), "created_ts", back)
	part, next = cut(all, from, limit)
	return part, next, len(all), err
}

func (a *API) userMedia(r *request) (any, error) {
	part, next, total, err := a.chosenMedia(r)
	if err != nil {
		return nil, err
	}
	entries := []mediaEntry{}
	for _, m := range part {
		entries = append(entries, a.toMediaEntry(m))
	}
	answer := map[string]any{"media": entries, "total": total}
	if next > 0 {
		answer["next_token"] = next
	}
	return answer, nil
}

func deletedMedia(handles []string, err error) (any, error) {
	return map[string]any{"deleted_media": handles, "total": len(handles)}, err
}

func (a *API) deleteUserMedia(r *request) (any, error) {
	part, _, _, err := a.chosenMedia(r)
	if err != nil {
		return nil, err
	}
	ids := make([]string, len(part))
	for i, m := range part {
		ids[i] = m.ID
	}
	return deletedMedia(a.Admin.DeleteMediaOf(r.Context(), actor(r), r.PathValue("userId"), ids))
}

func (a *API) mediaInfo(r *request) (any, error) {
	m, err := a.Admin.FindMediaInfo(r.Context(), r.PathValue("serverName"), r.PathValue("mediaId"))
	if err != nil {
		return nil, err
	}
	return map[string]any{"media_info": struct {
		mediaEntry
		Origin string `json:"media_origin"`
	}{a.toMediaEntry(m), a.ServerName}}, nil
}

func (a *API) deleteMedia(r *request) (any, error) {
	return deletedMedia(a.Admin.DeleteMedia(r.Context(), actor(r), r.PathValue("serverName"), r.PathValue("mediaId")))
}

func (a *API) quarantine(on bool) handler {
	return func(r *request) (any, error) {
		return nil, a.Admin.Quarantine(r.Context(), actor(r), r.PathValue("serverName"), r.PathValue("mediaId"), on)
	}
}

func (a *API) quarantineUser(r *request) (any, error) {
	n, err := a.Admin.QuarantineUser(r.Context(), actor(r), r.PathValue("userId"))
	return map[string]int{"num_quarantined": n}, err
}

// mediaPost answers paths that the mux can't tell apart.
func (a *API) mediaPost(r *request) (any, error) {
	switch first, second := r.PathValue("first"), r.PathValue("second"); {
	case first == "protect" || first == "unprotect":
		return nil, a.Admin.Protect(r.Context(), actor(r), second, first == "protect")
	case first == a.ServerName && second == "delete":
		return a.deleteMediaBefore(r)
	}
	return nil, merr.New(http.StatusNotFound, "M_UNRECOGNIZED", "Unrecognized request")
}

// earliest is the first time that counts as milliseconds: what is below was meant as seconds. Source: Synapse's admin API, which refuses before 1970-02-01 too.
const earliest = 30_000_000_000

// beforeTS reads until when files go, in milliseconds.
func beforeTS(r *request) (int, error) {
	before, err := number(r, "before_ts", 0)
	if err == nil && before < earliest {
		err = merr.InvalidParam("Query parameter before_ts is missing, or not in milliseconds")
	}
	return before, err
}

func (a *API) purgeMediaCache(r *request) (any, error) {
	before, err := beforeTS(r)
	if err != nil {
		return nil, err
	}
	n, err := a.Admin.PurgeRemoteMedia(r.Context(), actor(r), time.UnixMilli(int64(before)))
	return map[string]int{"deleted": n}, err
}

func (a *API) deleteMediaBefore(r *request) (any, error) {
	before, err := beforeTS(r)
	if err != nil {
		return nil, err
	}
	size, err := number(r, "size_gt", 0)
	if err != nil {
		return nil, err
	}
	keep, err := flag(r, "keep_profiles")
	if err != nil {
		return nil, err
	}
	return deletedMedia(a.Admin.DeleteMediaBefore(r.Context(), actor(r), int64(before), int64(size), keep == nil || *keep))
}

func (a *API) mediaUse(r *request) (any, error) {
	from, limit, err := page(r)
	if err != nil {
		return nil, err
	}
	since, err := number(r, "from_ts", 0)
	if err != nil {
		return nil, err
	}
	until, err := number(r, "until_ts", math.MaxInt64)
	if err != nil {
		return nil, err
	}
	all, err := store.Get(r.Context(), a.DB, func(rd *store.Reader) ([]store.MediaUse, error) { return rd.MediaUses(int64(since), int64(until)) })
	if err != nil {
		return nil, err
	}
	term := strings.ToLower(r.URL.Query().Get("search_term"))
	var chosen []store.MediaUse
	for _, u := range all {
		if localpart, _, _ := strings.Cut(u.UserID, ":"); strings.Contains(localpart, term) || strings.Contains(strings.ToLower(u.DisplayName), term) {
			chosen = append(chosen, u)
		}
	}
	back, err := backward(r, false)
	if err != nil {
		return nil, err
	}
	if err := order(r, chosen, map[string]func(a, b store.MediaUse) int{
		"user_id":      func(a, b store.MediaUse) int { return cmp.Compare(a.UserID, b.UserID) },
		"displayname":  func(a, b store.MediaUse) int { return cmp.Compare(a.DisplayName, b.DisplayName) },
		"media_count":  func(a, b store.MediaUse) int { return cmp.Compare(a.Count, b.Count) },
		"media_length": func(a, b store.MediaUse) int { return cmp.Compare(a.Bytes, b.Bytes) },
	}, "user_id", back); err != nil {
		return nil, err
	}
	part, next := cut(chosen, from, limit)
	answer := map[string]any{"users": part, "total": len(chosen)}
	if next > 0 {
		answer["next_token"] = strconv.Itoa(next)
	}
	return answer, nil
}
