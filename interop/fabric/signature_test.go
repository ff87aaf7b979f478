package fabric

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/asn1"
	"math/big"
	"testing"
)

func TestSignaturesHaveSInTheLowerHalf(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	message := []byte("message")
	for range 32 {
		signature, err := Sign(key, message)
		if err != nil || !IsLowS(signature) || !Verify(&key.PublicKey, message, signature) {
			t.Fatalf("got %x, %v: expected a low-s signature that verifies", signature, err)
		}
		var parts signatureDER
		if _, err := asn1.Unmarshal(signature, &parts); err != nil {
			t.Fatal(err)
		}
		high, err := asn1.Marshal(signatureDER{parts.R, new(big.Int).Sub(elliptic.P256().Params().N, parts.S)})
		if err != nil {
			t.Fatal(err)
		}
		if Verify(&key.PublicKey, message, high) {
			t.Fatal("got true, expected the upper half to be refused")
		}
	}
}
