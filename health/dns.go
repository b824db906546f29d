// SPDX-License-Identifier: Apache-2.0

package health

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"net/netip"
	"strings"

	"golang.org/x/net/dns/dnsmessage"
)

// DNS is the check of a DNS server: it must know a record. One question is asked for
// each probe, over UDP, and again over TCP if the answer is truncated.
type DNS struct {
	// Server is "host:port"; the host is an IP address or localhost. Required.
	Server string
	// Name is what to ask for, such as www.example.org; it is complete, with a dot at
	// its end or without. Required.
	Name string
	// Type is the type of the record: A, AAAA, CNAME, MX, NS, PTR, SOA, SRV or TXT.
	// Required.
	Type string
	// Expect is an address that must be among the answers, of an A or AAAA record.
	// Default: any answer of the Type will do.
	Expect netip.Addr
}

func (d DNS) prober(*Check) Prober { return d }

// Probe asks.
func (d DNS) Probe(ctx context.Context) error {
	question, err := d.question()
	if err != nil {
		return err
	}
	answer, err := d.exchange(ctx, "udp", question, askUDP)
	if err == nil && answer.Truncated {
		answer, err = d.exchange(ctx, "tcp", question, askTCP)
	}
	if err != nil {
		return err
	}
	return d.judge(answer)
}

// question makes the message that asks. Its ID is hard to guess (RFC 5452 §9.2).
func (d DNS) question() (*dnsmessage.Message, error) {
	name, err := dnsmessage.NewName(strings.TrimSuffix(d.Name, ".") + ".")
	if err != nil {
		return nil, fmt.Errorf("name %q: %w", d.Name, err)
	}
	var id [2]byte
	rand.Read(id[:]) // never fails
	return &dnsmessage.Message{
		Header:    dnsmessage.Header{ID: binary.BigEndian.Uint16(id[:]), RecursionDesired: true},
		Questions: []dnsmessage.Question{{Name: name, Type: recordType(d.Type), Class: dnsmessage.ClassINET}},
	}, nil
}

// recordType is a type by its name; 0: none that is known.
func recordType(name string) dnsmessage.Type {
	for _, t := range [...]dnsmessage.Type{
		dnsmessage.TypeA, dnsmessage.TypeAAAA, dnsmessage.TypeCNAME, dnsmessage.TypeMX, dnsmessage.TypeNS,
		dnsmessage.TypePTR, dnsmessage.TypeSOA, dnsmessage.TypeSRV, dnsmessage.TypeTXT,
	} {
		if t.String() == "Type"+name {
			return t
		}
	}
	return 0
}

// judge says what an answer comes to.
func (d DNS) judge(answer dnsmessage.Message) error {
	if answer.RCode != dnsmessage.RCodeSuccess {
		return fmt.Errorf("%s answers %s for %s", d.Server, rcodeName(answer.RCode), d.Name)
	}
	var found []string
	for _, record := range answer.Answers {
		if record.Header.Type != recordType(d.Type) {
			continue // a CNAME on the way to it
		}
		address := addressOf(record.Body)
		if !d.Expect.IsValid() || address == d.Expect {
			return nil
		}
		found = append(found, address.String())
	}
	if found == nil {
		return fmt.Errorf("%s has no %s record of %s", d.Server, d.Type, d.Name)
	}
	return fmt.Errorf("%s of %s is %s: want %v", d.Type, d.Name, strings.Join(found, " "), d.Expect)
}

// addressOf is the address in a record; zero, if there is none.
func addressOf(body dnsmessage.ResourceBody) netip.Addr {
	switch body := body.(type) {
	case *dnsmessage.AResource:
		return netip.AddrFrom4(body.A)
	case *dnsmessage.AAAAResource:
		return netip.AddrFrom16(body.AAAA)
	}
	return netip.Addr{}
}

// rcodeName is an RCODE as people know it (RFC 1035 §4.1.1, RFC 6895 §2.3).
func rcodeName(code dnsmessage.RCode) string {
	names := [...]string{"NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED"}
	if int(code) < len(names) {
		return names[code]
	}
	return fmt.Sprintf("RCODE %d", code)
}
