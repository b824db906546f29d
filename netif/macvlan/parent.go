// SPDX-License-Identifier: Apache-2.0

package macvlan

import (
	"errors"
	"fmt"

	"github.com/vishvananda/netlink"
)

// The values that an IPv4 link needs on its parent, at least.
const (
	parentIgnore   = 1
	parentAnnounce = 2
)

// originals are the parent's settings as they were before the first of our links came.
// Each IPv4 link of ours has them as its alias, which `ip link` shows, and which is
// still there after a crash. IPv6 links have no alias.
type originals struct {
	parent           string // as it was called then; for people
	ignore, announce int
}

const aliasFormat = "vipd: %s arp_ignore=%d arp_announce=%d"

func (o originals) alias() string {
	return fmt.Sprintf(aliasFormat, o.parent, o.ignore, o.announce)
}

// parseAlias reads what alias wrote, and nothing else.
func parseAlias(text string) (o originals, ok bool) {
	_, err := fmt.Sscanf(text, aliasFormat, &o.parent, &o.ignore, &o.announce)
	return o, err == nil && o.alias() == text &&
		o.ignore >= 0 && o.ignore <= 8 && o.announce >= 0 && o.announce <= 2
}

// claimParent notes the parent's settings on the link, then changes them.
func (l Link) claimParent(h *netlink.Handle, link *netlink.Macvlan) error {
	if link.Alias == "" {
		o, err := l.originals(h, link)
		if err != nil {
			return err
		}
		if err := h.LinkSetAlias(link, o.alias()); err != nil {
			return fmt.Errorf("note the settings of %s: %w", l.Parent, err)
		}
	}
	return errors.Join(raise(l.Parent, "arp_ignore", parentIgnore),
		raise(l.Parent, "arp_announce", parentAnnounce))
}

// originals are what another link of ours on the parent has noted. Without one, nothing
// has been changed yet.
func (l Link) originals(h *netlink.Handle, link *netlink.Macvlan) (originals, error) {
	others, err := siblings(h, link)
	if err != nil {
		return originals{}, err
	}
	for _, other := range others {
		if o, ok := parseAlias(other.Alias); ok {
			return o, nil
		}
	}
	ignore, err := read(ipv4(l.Parent, "arp_ignore"))
	if err != nil {
		return originals{}, err
	}
	announce, err := read(ipv4(l.Parent, "arp_announce"))
	return originals{l.Parent, ignore, announce}, err
}

// siblings are the other links of ours for whose sake the parent was changed.
func siblings(h *netlink.Handle, link *netlink.Macvlan) (others []*netlink.Macvlan, err error) {
	links, err := h.LinkList()
	if err != nil {
		return nil, fmt.Errorf("list the links: %w", err)
	}
	for _, l := range links {
		other, ok := l.(*netlink.Macvlan)
		if ok && other.Group == group && other.Alias != "" &&
			other.ParentIndex == link.ParentIndex && other.Index != link.Index {
			others = append(others, other)
		}
	}
	return others, nil
}

// raise sets the parent's value where neither it nor the host's is as large.
func raise(parent, name string, least int) error {
	all, err := read(ipv4("all", name))
	if err != nil {
		return err
	}
	own, err := read(ipv4(parent, name))
	if err != nil || max(all, own) >= least {
		return err
	}
	return write(ipv4(parent, name), least)
}

// releaseParent puts the parent's settings back when link is the last for whose sake
// they were changed, and says what they were.
func releaseParent(h *netlink.Handle, link *netlink.Macvlan) error {
	before, known := parseAlias(link.Alias)
	if !known {
		return nil
	}
	others, err := siblings(h, link)
	if err != nil || len(others) > 0 {
		return err
	}
	parent, err := h.LinkByIndex(link.ParentIndex) // it may have been renamed
	if err != nil {
		return fmt.Errorf("find the parent: %w", err)
	}
	name := parent.Attrs().Name
	return errors.Join(putBack(name, "arp_ignore", parentIgnore, before.ignore),
		putBack(name, "arp_announce", parentAnnounce, before.announce))
}

// putBack leaves alone what somebody else has changed since.
func putBack(parent, name string, ours, before int) error {
	path := ipv4(parent, name)
	if current, err := read(path); err != nil || current != ours {
		return err
	}
	return write(path, before)
}
