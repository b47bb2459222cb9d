package clientapi

import (
	"fmt"
	"strings"
	"testing"
)

func TestFilters(t *testing.T) {
	s := start(t)
	alice, bob := s.register("alice"), s.register("bob")
	filters := userPath("alice") + "/filter"
	id := func(body any) string { return alice.must("POST", filters, body)["filter_id"].(string) }
	first := id([]byte(`{"room": {"timeline": {"limit": 10}}, "unknown.to.us": [1]}`))
	if len(first) != 16 || strings.HasPrefix(first, "{") {
		t.Fatal(first)
	}
	if again := id([]byte(`{"room":{"timeline":{"limit":10}},"unknown.to.us":[1]}`)); again != first {
		t.Fatal("the same filter has another id", again)
	}
	if other := id(object{}); other == first {
		t.Fatal("two filters have one id")
	}
	if got := fmt.Sprint(alice.must("GET", filters+"/"+first, nil)); got != "map[room:map[timeline:map[limit:10]] unknown.to.us:[1]]" {
		t.Fatal(got)
	}
	alice.fails(404, "M_NOT_FOUND", "GET", filters+"/none", nil)
	bob.fails(404, "M_NOT_FOUND", "GET", userPath("bob")+"/filter/"+first, nil)
	bob.fails(403, "M_FORBIDDEN", "GET", filters+"/"+first, nil)
	bob.fails(403, "M_FORBIDDEN", "POST", filters, object{})
}

func TestFiltersAreRefused(t *testing.T) {
	s := start(t)
	alice := s.register("alice")
	filters := userPath("alice") + "/filter"
	alice.fails(400, "M_NOT_JSON", "POST", filters, []byte("{"))
	alice.fails(400, "M_BAD_JSON", "POST", filters, []byte("[]"))
	alice.fails(400, "M_BAD_JSON", "POST", filters, object{"room": "x"})
	alice.fails(400, "M_BAD_JSON", "POST", filters, object{"room": object{"timeline": object{"limit": "x"}}})
	alice.fails(400, "M_BAD_JSON", "POST", filters, object{"presence": object{"senders": []string{"alice"}}})
	alice.fails(413, "M_TOO_LARGE", "POST", filters, object{"x": strings.Repeat("x", 64<<10)})
}

func TestAUserHas200Filters(t *testing.T) {
	s := start(t)
	alice := s.register("alice")
	filters := userPath("alice") + "/filter"
	for i := range 200 {
		alice.must("POST", filters, object{"room": object{"timeline": object{"limit": i}}})
	}
	alice.fails(400, "M_UNKNOWN", "POST", filters, object{"room": object{"timeline": object{"limit": 200}}})
	alice.must("POST", filters, object{"room": object{"timeline": object{"limit": 7}}}) // known
	s.register("bob").must("POST", userPath("bob")+"/filter", object{})
}
