// SPDX-License-Identifier: Apache-2.0

package health

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"time"
)

// Certificate is what is demanded of the certificate that a server shows.
type Certificate struct {
	// ServerName is whom the certificate must be for, and who is asked for (SNI).
	// Default: the host that the check is aimed at.
	ServerName string
	// CA is the path of a file with the certificates to trust, in PEM, at most 64
	// KiB; it is read anew for each probe. Default: the system's.
	CA string
	// Insecure: any certificate will do that has not expired.
	Insecure bool
	// WarnBefore is how long before the certificate, or one of those that vouch for
	// it, expires a success is reported with a warning.
	WarnBefore time.Duration
}

// converse shakes hands over conn with the server called host, demands its
// certificate, and runs talk over what the two have agreed on.
func (c Certificate) converse(ctx context.Context, conn net.Conn, host string, talk func(net.Conn) error) error {
	config, err := c.config(host)
	if err != nil {
		return err
	}
	bounded := &boundedConn{conn, io.LimitedReader{R: conn, N: maxAnswer}}
	client := tls.Client(bounded, config)
	if err := client.HandshakeContext(ctx); err != nil {
		return fmt.Errorf("TLS handshake: %w", plain(err))
	}
	defer client.Close() // says so: a server may log what just ends
	verdict := c.judgeExpiry(time.Until(expiry(client.ConnectionState())))
	if !succeeded(verdict) {
		return verdict
	}
	bounded.left.N = maxRecords
	if err := talk(client); err != nil {
		return err
	}
	return verdict
}

// maxRecords bounds the TLS records that are read after the handshake, in bytes. What
// is in them has bounds of its own; the worst of honest servers sends single bytes.
const maxRecords = 32 * maxAnswer

func (c Certificate) config(host string) (*tls.Config, error) {
	config := &tls.Config{ServerName: c.ServerName, InsecureSkipVerify: c.Insecure}
	if c.ServerName == "" {
		config.ServerName = host
	}
	if c.CA == "" {
		return config, nil
	}
	pem, err := readSmall(c.CA, maxAnswer)
	if err != nil {
		return nil, err
	}
	config.RootCAs = x509.NewCertPool()
	if !config.RootCAs.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("no certificate in %s", c.CA)
	}
	return config, nil
}

// expiry is until when a server's certificate can be verified: the way to a root
// that lasts longest, which lasts as long as each certificate on it. Of one that was
// not verified only its own date counts.
func expiry(state tls.ConnectionState) time.Time {
	chains := state.VerifiedChains
	if len(chains) == 0 {
		chains = [][]*x509.Certificate{state.PeerCertificates[:1]}
	}
	var latest time.Time
	for _, chain := range chains {
		end := chain[0].NotAfter
		for _, certificate := range chain {
			if certificate.NotAfter.Before(end) {
				end = certificate.NotAfter
			}
		}
		if end.After(latest) {
			latest = end
		}
	}
	return latest
}

// judgeExpiry says what the time until the expiry comes to.
func (c Certificate) judgeExpiry(left time.Duration) error {
	switch {
	case left <= 0:
		return fmt.Errorf("certificate has expired %s ago", days(-left))
	case left < c.WarnBefore:
		return remark{text: "certificate expires in " + days(left), warn: true}
	}
	return nil
}

// days is a duration for people, the coarser the longer it is: the log has each once.
func days(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d < 2*time.Hour:
		return d.Truncate(time.Minute).String()
	case d < 2*day:
		return fmt.Sprintf("%d hours", d/time.Hour)
	}
	return fmt.Sprintf("%d days", d/day)
}

// boundedConn is a connection that so much is read of at most.
type boundedConn struct {
	net.Conn
	left io.LimitedReader
}

func (c *boundedConn) Read(b []byte) (int, error) { return c.left.Read(b) }
