package pdu

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func invalidUTF8(b []byte) bool { return !utf8.Valid(b) }

func TestServerNames(t *testing.T) {
	for name, want := range map[string]bool{
		"matrix.org": true, "matrix.org:8888": true, "1.2.3.4": true, "1.2.3.4:1234": true,
		"[1234:5678::abcd]": true, "[1234:5678::abcd]:5678": true, "localhost": true, "a.b.c.fr": true, "1.2.3": true, "MAIRIE-de.fr": true,
		"": false, ":80": false, "a:": false, "a:123456": false, "a:b": false, "a b": false, "a_b": false, "é.fr": false,
		"[::1": false, "::1": false, "[::1]x": false, "[fe80::1%eth0]": false, "[1.2.3.4]": false, "1.2.3.456": false,
		"a:1:2": false, "a/b": false, strings.Repeat("a", 255): true, strings.Repeat("a", 256): false,
	} {
		if got := ValidServerName(name); got != want {
			t.Errorf("ValidServerName(%.40q) = %v", name, got)
		}
	}
}

func TestUserIDs(t *testing.T) {
	for _, c := range []struct {
		id                string
		historical, fresh bool
	}{
		{"@marie:mairie.fr", true, true}, {"@a-z.0_=/+:x:80", true, true}, {"@a:[::1]:8448", true, true},
		{"@Marie:mairie.fr", true, false}, {"@é:mairie.fr", true, false}, {"@:mairie.fr", true, false}, {"@a b:x", true, false},
		{"", false, false}, {"@", false, false}, {"marie:x", false, false}, {"@marie", false, false}, {"@marie:", false, false},
		{"@a\x00:x", false, false}, {"@a\xff:x", false, false}, {"!a:x", false, false},
		{"@" + strings.Repeat("a", 252) + ":x", true, true}, {"@" + strings.Repeat("a", 253) + ":x", false, false},
	} {
		if ValidUserID(c.id) != c.historical || NewUserID(c.id) != c.fresh {
			t.Errorf("%.40q: ValidUserID %v, NewUserID %v", c.id, ValidUserID(c.id), NewUserID(c.id))
		}
	}
	if !ValidRoomAlias("#Salle des fêtes:mairie.fr") || ValidRoomAlias("#a") || ValidRoomAlias("@a:b") {
		t.Error("ValidRoomAlias")
	}
	if l, s, ok := SplitID("@a:b:80"); l != "a" || s != "b:80" || !ok {
		t.Errorf("SplitID: %q %q %v", l, s, ok)
	}
	if ServerOf("") != "" || ServerOf("$abc") != "" || ServerOf("@a:b:80") != "b:80" {
		t.Error("ServerOf")
	}
}

func TestHashIDs(t *testing.T) {
	const id = "$Rqnc-F-dvnEYJTyHq_iKxU2bZ1CI92-kuZq3a5lr5Zg" // Spec: rooms/v4
	h, ok := ParseEventID(id)
	if !ok || h.EventID() != id || h.RoomID() != "!"+id[1:] {
		t.Errorf("%v %s %s", ok, h.EventID(), h.RoomID())
	}
	if again, ok := ParseRoomID(h.RoomID()); !ok || again != h {
		t.Error("ParseRoomID")
	}
	for _, bad := range []string{"", "$", "!" + id[1:], id[:43], id + "g", id[:43] + "h", id[:43] + "=", id[:43] + "\n", strings.Replace(id, "-", "+", 1), "$abc:example.org"} {
		if _, ok := ParseEventID(bad); ok {
			t.Errorf("%q is an event id", bad)
		}
	}
}
