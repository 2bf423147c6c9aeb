package lab

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"time"
)

// certificates makes a certification authority of the lab's own and a server
// certificate for loopback, unless the folder has both and they are valid for
// another month. The authority's key is thrown away: it signs once.
func certificates(f folder, a account, now time.Time) error {
	if valid(f, now.AddDate(0, 1, 0)) {
		return a.own(f.serverKey())
	}
	caKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return fmt.Errorf("lab: make a key: %w", err)
	}
	ca := &x509.Certificate{
		SerialNumber: big.NewInt(now.UnixNano()), Subject: pkix.Name{CommonName: "honeydue lab CA"},
		NotBefore: now.Add(-time.Hour), NotAfter: now.AddDate(2, 0, 0),
		IsCA: true, BasicConstraintsValid: true, MaxPathLenZero: true, KeyUsage: x509.KeyUsageCertSign,
	}
	caDER, err := x509.CreateCertificate(rand.Reader, ca, ca, caKey.Public(), caKey)
	if err != nil {
		return fmt.Errorf("lab: make a certificate: %w", err)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return fmt.Errorf("lab: make a key: %w", err)
	}
	server := &x509.Certificate{
		SerialNumber: big.NewInt(now.UnixNano() + 1), Subject: pkix.Name{CommonName: "localhost"},
		NotBefore: ca.NotBefore, NotAfter: ca.NotAfter,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
	}
	der, err := x509.CreateCertificate(rand.Reader, server, ca, key.Public(), caKey)
	if err != nil {
		return fmt.Errorf("lab: make a certificate: %w", err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return fmt.Errorf("lab: store a key: %w", err)
	}
	if err := a.ownedFile(f.serverKey(), encode("PRIVATE KEY", keyDER)); err != nil {
		return err
	}
	if err := writeFile(f.serverCert(), encode("CERTIFICATE", der), 0o644); err != nil {
		return err
	}
	return writeFile(f.caCert(), encode("CERTIFICATE", caDER), 0o644)
}

// valid reports whether the folder's server certificate fits its key, is
// signed by the folder's authority, and will still be good at the given time.
func valid(f folder, at time.Time) bool {
	pair, err := tls.LoadX509KeyPair(f.serverCert(), f.serverKey())
	if err != nil || pair.Leaf == nil {
		return false
	}
	ca, err := os.ReadFile(f.caCert())
	if err != nil {
		return false
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(ca) {
		return false
	}
	_, err = pair.Leaf.Verify(x509.VerifyOptions{Roots: roots, CurrentTime: at, DNSName: "localhost"})
	return err == nil
}

func encode(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}
