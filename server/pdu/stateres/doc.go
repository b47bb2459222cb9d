// Package stateres resolves the states of a room's forks into one: the algorithms
// of room version 1 (v1), of 2 to 11 (v2) and of 12 (v2.1). It is pure: events
// come from a Source, and the same states give the same result in whatever order
// they and the events come.
//
// Nothing recurses: how deep an auth chain is, is for strangers to choose. Event
// ids of room versions 1 and 2 are chosen by their senders too, so that
// auth_events may run in circles there; everything ends all the same.
//
// Spec: rooms/v1, rooms/v2 and rooms/v12, "State resolution".
package stateres
