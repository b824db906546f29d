// SPDX-License-Identifier: Apache-2.0

package health

import (
	"fmt"
	"os/user"
	"strconv"
	"syscall"
)

// lookUpUser finds a user of this host by name or number. A number that no user has
// is a user without a group.
func lookUpUser(name string) (*user.User, error) {
	if _, err := strconv.ParseUint(name, 10, 31); err == nil {
		if account, err := user.LookupId(name); err == nil {
			return account, nil
		}
		return &user.User{Uid: name}, nil
	}
	return user.Lookup(name)
}

// lookUpGroup returns the number of a group of this host, given by name or number.
func lookUpGroup(name string) (string, error) {
	if _, err := strconv.ParseUint(name, 10, 31); err == nil {
		return name, nil
	}
	group, err := user.LookupGroup(name)
	if err != nil {
		return "", err
	}
	return group.Gid, nil
}

// credential is what makes a program act as a user, and a member of the group: that
// user's own, if group is empty. It gets the user's further groups, too, or none if
// only a group is given. nil: neither is given.
func credential(name, group string) (*syscall.Credential, error) {
	if name == "" && group == "" {
		return nil, nil
	}
	account, err := lookUpUser(orSelf(name))
	if err != nil {
		return nil, err
	}
	if group == "" && account.Gid == "" {
		return nil, fmt.Errorf("user %s is not in this host's list of users: it needs a group", name)
	}
	gid := account.Gid
	if group != "" {
		if gid, err = lookUpGroup(group); err != nil {
			return nil, err
		}
	}
	out := &syscall.Credential{Uid: id(account.Uid), Gid: id(gid)}
	if name != "" {
		out.Groups = groupsOf(account)
	}
	return out, nil
}

// orSelf is the user of this process, unless another is given.
func orSelf(name string) string {
	if name == "" {
		return strconv.Itoa(syscall.Geteuid())
	}
	return name
}

// groupsOf lists the groups of a user; none, if they can't be found out.
func groupsOf(account *user.User) []uint32 {
	var groups []uint32
	gids, _ := account.GroupIds()
	for _, gid := range gids {
		groups = append(groups, id(gid))
	}
	return groups
}

// id is the number of a user or a group. The host's lists have no others.
func id(s string) uint32 {
	n, err := strconv.ParseUint(s, 10, 32)
	if err != nil {
		return ^uint32(0) // nobody's: the kernel refuses it
	}
	return uint32(n)
}
