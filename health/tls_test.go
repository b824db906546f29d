// SPDX-License-Identifier: Apache-2.0

package health

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"strings"
	"testing"
	"time"
)

// authority issues certificates. parent is whose it is; nil: it is a root.
type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
	parent      *authority
}

const day = 24 * time.Hour

// issue makes a certificate that is valid until left has passed. A server's has names;
// one without can issue others itself.
func (a *authority) issue(t *testing.T, left time.Duration, names ...string) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(now.UnixNano()), Subject: pkix.Name{CommonName: "vipd test " + strings.Join(names, " ")},
		NotBefore: now.Add(-1000 * day), NotAfter: now.Add(left),
		DNSNames: names, BasicConstraintsValid: true, IsCA: len(names) == 0,
	}
	for _, name := range names {
		if ip := net.ParseIP(name); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		}
	}
	signer, signed := key, template
	if a != nil {
		signer, signed = a.key, a.certificate
	}
	der, err := x509.CreateCertificate(rand.Reader, template, signed, key.Public(), signer)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &authority{certificate, key, a}
}

// file writes the certificate to a file.
func (a *authority) file(t *testing.T) string {
	t.Helper()
	return write(t, t.TempDir(), "ca.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.certificate.Raw})))
}

// serves shakes hands with this certificate and those between it and the root.
func (a *authority) serves(conn net.Conn) {
	chain := tls.Certificate{PrivateKey: a.key}
	for at := a; at.parent != nil; at = at.parent {
		chain.Certificate = append(chain.Certificate, at.certificate.Raw)
	}
	server := tls.Server(conn, &tls.Config{Certificates: []tls.Certificate{chain}})
	if server.Handshake() == nil {
		io.Copy(io.Discard, server)
	}
}

func TestTLS(t *testing.T) {
	var none *authority
	root, stranger := none.issue(t, 3000*day), none.issue(t, 3000*day)
	short := root.issue(t, 3*day+time.Hour) // an intermediate
	ca := root.file(t)
	const name = "www.example.org"
	tests := map[string]struct {
		talk       func(net.Conn)
		serverName string
		insecure   bool
		want, says string // the detail of a failure, and of a success
	}{
		"valid":                         {root.issue(t, 90*day, name).serves, name, false, "", ""},
		"valid for the address":         {root.issue(t, 90*day, "127.0.0.1").serves, "", false, "", ""},
		"expires soon":                  {root.issue(t, 13*day+time.Hour, name).serves, name, false, "", "certificate expires in 13 days"},
		"expires within hours":          {root.issue(t, 90*time.Minute+30*time.Second, name).serves, name, false, "", "certificate expires in 1h30m0s"},
		"expires tomorrow":              {root.issue(t, 40*time.Hour+time.Minute, name).serves, name, false, "", "certificate expires in 40 hours"},
		"an intermediate expires soon":  {short.issue(t, 90*day, name).serves, name, false, "", "certificate expires in 3 days"},
		"expired":                       {root.issue(t, -day, name).serves, name, false, "certificate has expired", ""},
		"expired, whoever signed it":    {stranger.issue(t, -3*day, name).serves, name, true, "certificate has expired 3 days ago", ""},
		"for another name":              {root.issue(t, 90*day, "example.org").serves, name, false, "not www.example.org", ""},
		"for a name, asked by address":  {root.issue(t, 90*day, name).serves, "", false, "doesn't contain any IP SANs", ""},
		"of another CA":                 {stranger.issue(t, 90*day, name).serves, name, false, "certificate signed by unknown authority", ""},
		"of another CA, which will do":  {stranger.issue(t, 90*day, "else").serves, name, true, "", ""},
		"insecure, expires soon":        {stranger.issue(t, 5*day+time.Hour, name).serves, name, true, "", "certificate expires in 5 days"},
		"signed by itself":              {func(c net.Conn) { (&authority{stranger.certificate, stranger.key, root}).serves(c) }, name, false, "TLS handshake: ", ""},
		"plain HTTP":                    {says("HTTP/1.1 400 Bad Request\r\n\r\n"), name, false, "TLS handshake: ", ""},
		"closed at once":                {func(net.Conn) {}, name, false, "TLS handshake: ", ""},
		"silent":                        {silent, name, false, "no answer within 300ms", ""},
		"records without an end":        {repeats("", "\x16\x03\x03\x40\x00\x0b\xff\xff\xff"+strings.Repeat("A", 0x4000-4), 0), name, false, "TLS handshake: ", ""},
		"empty records without an end":  {repeats("", "\x16\x03\x03\x00\x00", 0), name, false, "TLS handshake: ", ""},
		"binary junk":                   {repeats("", strings.Repeat("\xff\x00\x1b", 1000), 0), name, false, "TLS handshake: ", ""},
		"an alert with text to the log": {says("\x15\x03\x03\x00\x02\x02\x28"), name, false, "handshake failure", ""},
	}
	for what, test := range tests {
		t.Run(what, func(t *testing.T) {
			kind := TLS{serveTCP(t, test.talk), Certificate{ServerName: test.serverName, Insecure: test.insecure, WarnBefore: 14 * day}}
			if !test.insecure {
				kind.CA = ca
			}
			r := probeOnce(t, kind)
			demand(t, r, test.want)
			if r.OK && r.Detail != test.says {
				t.Errorf("a success that says %q, want %q", r.Detail, test.says)
			}
		})
	}
}

// Without a CA the system's count, which a test's is not among.
func TestTLSSystemRoots(t *testing.T) {
	if _, err := x509.SystemCertPool(); err != nil { // read once, and more than a probe may allocate
		t.Fatal(err)
	}
	var none *authority
	server := none.issue(t, 90*day).issue(t, 90*day, "127.0.0.1")
	demand(t, probeOnce(t, TLS{Address: serveTCP(t, server.serves)}), "certificate signed by unknown authority")
}

func TestTLSFileOfCAs(t *testing.T) {
	var none *authority
	root := none.issue(t, 90*day)
	address := serveTCP(t, root.issue(t, 90*day, "127.0.0.1").serves)
	dir := t.TempDir()
	tests := map[string]struct{ path, want string }{
		"right":          {root.file(t), ""},
		"missing":        {dir + "/none.pem", "no such file"},
		"empty":          {write(t, dir, "empty.pem", ""), "no certificate in "},
		"no certificate": {write(t, dir, "junk.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"), "no certificate in "},
		"without an end": {"/dev/zero", "is not a regular file"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) { demand(t, probeOnce(t, TLS{address, Certificate{CA: test.path}}), test.want) })
	}
}

// The root certificate that comes to its end is another matter than the way around it.
func TestExpiryOfTheBestWay(t *testing.T) {
	until := func(d time.Duration) *x509.Certificate {
		return &x509.Certificate{NotAfter: time.Unix(0, 0).Add(d)}
	}
	state := tls.ConnectionState{VerifiedChains: [][]*x509.Certificate{
		{until(9 * day), until(2 * day), until(99 * day)},
		{until(9 * day), until(7 * day), until(50 * day)},
		{until(9 * day), until(8 * day), until(1 * day)},
	}}
	if got := expiry(state).Sub(time.Unix(0, 0)); got != 7*day {
		t.Errorf("expires after %v, want 7 days", got)
	}
}
