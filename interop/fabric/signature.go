package fabric

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"math/big"
)

type signatureDER struct{ R, S *big.Int }

var halfOrder = new(big.Int).Rsh(elliptic.P256().Params().N, 1)

// Sign gives a DER signature over SHA-256 of the bytes with s in the lower half: Fabric refuses the other half.
func Sign(key *ecdsa.PrivateKey, bytes []byte) ([]byte, error) {
	r, s, err := ecdsa.Sign(rand.Reader, key, sum(bytes))
	if err != nil {
		return nil, err
	}
	if s.Cmp(halfOrder) > 0 {
		s.Sub(elliptic.P256().Params().N, s)
	}
	return asn1.Marshal(signatureDER{r, s})
}

// IsLowS says whether the bytes are a DER signature whose s is in the lower half: what Fabric's verifier asks first.
func IsLowS(signature []byte) bool {
	var parts signatureDER
	if err := readDER(signature, &parts); err != nil {
		return false
	}
	return parts.R.Sign() > 0 && parts.S.Sign() > 0 && parts.S.Cmp(halfOrder) <= 0
}

// Verify checks a signature over SHA-256 of the bytes; the upper half of s is refused.
func Verify(key *ecdsa.PublicKey, bytes, signature []byte) bool {
	return key != nil && IsLowS(signature) && ecdsa.VerifyASN1(key, sum(bytes), signature)
}

// PublicKey reads an SPKI PEM, or a certificate's, that holds a P-256 key.
func PublicKey(text string) (*ecdsa.PublicKey, error) {
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		return nil, errors.New("no PEM")
	}
	var found any
	var err error
	if block.Type == "CERTIFICATE" {
		var certificate *x509.Certificate
		if certificate, err = x509.ParseCertificate(block.Bytes); err == nil {
			found = certificate.PublicKey
		}
	} else {
		found, err = x509.ParsePKIXPublicKey(block.Bytes)
	}
	if err != nil {
		return nil, err
	}
	key, isECDSA := found.(*ecdsa.PublicKey)
	if !isECDSA || key.Curve != elliptic.P256() {
		return nil, errors.New("no P-256 key")
	}
	return key, nil
}

// PrivateKey reads a PKCS#8 PEM that holds a P-256 key.
func PrivateKey(text []byte) (*ecdsa.PrivateKey, error) {
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, errors.New("no PEM")
	}
	found, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, err
	}
	key, isECDSA := found.(*ecdsa.PrivateKey)
	if !isECDSA || key.Curve != elliptic.P256() {
		return nil, errors.New("no P-256 key")
	}
	return key, nil
}

// PublicPEM is the SPKI PEM of a key, as Node's crypto writes it.
func PublicPEM(key *ecdsa.PublicKey) (string, error) {
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		return "", err
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})), nil
}
