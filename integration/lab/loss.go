// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"fmt"
	"net"
	"os/exec"
	"strings"
)

// lossTable is the lab's own table of nftables in a host.
const lossTable = "inet lab"

// Loss is which VRRP adverts a host loses, in its packet filter.
type Loss struct {
	// Sent: those that it sends. Who sends one is told so, by EPERM. Else those that
	// it receives, by IP: packet sockets get them all the same.
	Sent    bool
	From    net.HardwareAddr // of those that it receives: from this sender only; nil: from all
	Percent int              // at random, 1–99; else all
}

// LoseAdverts has a host lose adverts, as none of the earlier losses says any more.
func (n *Namespace) LoseAdverts(l Loss) error {
	hook, condition := "input", "meta l4proto vrrp"
	if l.Sent {
		hook = "output"
	}
	if l.From != nil {
		condition += " ether saddr " + l.From.String()
	}
	if l.Percent > 0 && l.Percent < 100 {
		condition += fmt.Sprintf(" numgen random mod 100 < %d", l.Percent)
	}
	return n.nft(fmt.Sprintf(`table %[1]s
delete table %[1]s
table %[1]s {
	chain loss {
		type filter hook %[2]s priority 0
		%[3]s drop
	}
}`, lossTable, hook, condition))
}

// KeepAdverts ends the loss of adverts.
func (n *Namespace) KeepAdverts() error {
	return n.nft(fmt.Sprintf("table %[1]s\ndelete table %[1]s", lossTable))
}

// nft has nftables do what a script says, all or nothing.
func (n *Namespace) nft(script string) error {
	var complaint strings.Builder
	cmd := exec.Command("nft", "-f", "-")
	cmd.Stdin, cmd.Stderr = strings.NewReader(script), &complaint
	if err := n.Start(cmd); err != nil {
		return err
	}
	if err := cmd.Wait(); err != nil {
		return fmt.Errorf("nft in %s: %w: %s", n.name, err, strings.TrimSpace(complaint.String()))
	}
	return nil
}
