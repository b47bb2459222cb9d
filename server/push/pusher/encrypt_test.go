package pusher

import (
	"crypto/ecdh"
	"encoding/base64"
	"testing"
)

// Source: RFC 8291, section 5 and appendix A.
func TestTheExampleOfRFC8291(t *testing.T) {
	decode := func(text string) []byte {
		b, err := base64.RawURLEncoding.DecodeString(text)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	own, err := ecdh.P256().NewPrivateKey(decode("yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"))
	if err != nil {
		t.Fatal(err)
	}
	to, err := clientKey("BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4")
	if err != nil {
		t.Fatal(err)
	}
	record := append([]byte("When I grow up, I want to be a watermelon"), 2)
	got, err := seal(record, own, to, decode("BTBZMqHH6r4Tts7J_aSIgg"), decode("DGv6ra1nlYgDCS1FRnbzlw"))
	const want = "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
	if err != nil || base64.RawURLEncoding.EncodeToString(got) != want {
		t.Errorf("%s %v", base64.RawURLEncoding.EncodeToString(got), err)
	}
}

func TestMessagesHaveFewLengthsAndABound(t *testing.T) {
	key, err := clientKey("BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4")
	if err != nil {
		t.Fatal(err)
	}
	for length, want := range map[int]int{0: 1024, 1: 1024, 921: 1024, 922: 2048, maxPlaintext: 4096, maxPlaintext + 1: 0} {
		plaintext := make([]byte, length, length+100)
		got, err := encrypt(plaintext, key, make([]byte, authBytes))
		if len(got) != want || (err != nil) != (want == 0) {
			t.Errorf("%d bytes: %d, %v", length, len(got), err)
		}
	}
}
