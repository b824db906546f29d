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

// TLS is the check of a service that speaks TLS: a handshake must succeed, with a
// certificate that is valid. Whether it is, is a matter of the wall clock.
type TLS struct {
	// Address is "host:port"; the host is an IP address or localhost. Required.
	Address string
	// ServerName is whom the certificate must be for, and who is asked for (SNI).
	// Default: the host of Address.
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

func (t TLS) prober(*Check) Prober { return t }

// Probe connects, and shakes hands.
func (t TLS) Probe(ctx context.Context) error {
	config, err := t.config()
	if err != nil {
		return err
	}
	return converse(ctx, "tcp", t.Address, func(conn net.Conn) error {
		client := tls.Client(&boundedConn{conn, io.LimitedReader{R: conn, N: maxAnswer}}, config)
		if err := client.HandshakeContext(ctx); err != nil {
			return fmt.Errorf("TLS handshake: %w", plain(err))
		}
		defer client.Close() // says so: a server may log what just ends
		return t.judge(time.Until(expiry(client.ConnectionState())))
	})
}

func (t TLS) config() (*tls.Config, error) {
	config := &tls.Config{ServerName: t.ServerName, InsecureSkipVerify: t.Insecure}
	if t.ServerName == "" {
		host, _, err := net.SplitHostPort(t.Address)
		if err != nil {
			return nil, err
		}
		config.ServerName = host
	}
	if t.CA == "" {
		return config, nil
	}
	pem, err := readSmall(t.CA, maxAnswer)
	if err != nil {
		return nil, err
	}
	config.RootCAs = x509.NewCertPool()
	if !config.RootCAs.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("no certificate in %s", t.CA)
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

// judge says what the time until the expiry comes to.
func (t TLS) judge(left time.Duration) error {
	switch {
	case left <= 0:
		return fmt.Errorf("certificate has expired %s ago", days(-left))
	case left < t.WarnBefore:
		return remark("certificate expires in " + days(left))
	}
	return nil
}

// days is a duration for people; for less than two days it has hours.
func days(d time.Duration) string {
	const day = 24 * time.Hour
	if d < 2*day {
		return d.Truncate(time.Minute).String()
	}
	return fmt.Sprintf("%d days", d/day)
}

// boundedConn is a connection that so much is read of at most.
type boundedConn struct {
	net.Conn
	left io.LimitedReader
}

func (c *boundedConn) Read(b []byte) (int, error) { return c.left.Read(b) }
