// Package auth holds the authorisation rules of rooms: whether an event may be,
// given a state. It is pure.
//
// Spec: the room version chapters, "Authorisation rules"; server-server API,
// "Authorisation rules" and "Auth events selection".
package auth
