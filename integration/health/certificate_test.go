// SPDX-License-Identifier: Apache-2.0

package health_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"testing"
	"time"

	"vipd/integration/lab/labtest"
)

// serverName is the name in the certificate of a service.
const serverName = "www.example.org"

// certify makes a certificate that signs itself: server.pem with its key, and ca.pem.
func certify(t *testing.T, w where) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	labtest.Must(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: serverName}, DNSNames: []string{serverName},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(1, 0, 0), BasicConstraintsValid: true, IsCA: true,
	}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	labtest.Must(t, err)
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	labtest.Must(t, err)
	public := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate})
	labtest.Must(t, os.WriteFile(w.file("ca.pem"), public, 0o600))
	labtest.Must(t, os.WriteFile(w.file("server.pem"), append(public, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})...), 0o600))
}
