// SPDX-License-Identifier: Apache-2.0

package filter

import (
	"errors"
	"os"

	"github.com/google/nftables"
)

// Remove removes the tables that a run before has left; no [Filter] may be open. What
// is not there, or can't be in this kernel, is no error; without CAP_NET_ADMIN the error
// wraps [os.ErrPermission].
func Remove() error {
	k := &kernel{}
	defer k.close()
	if err := k.open(); err != nil {
		if errors.Is(err, os.ErrPermission) {
			return err
		}
		return nil // no nf_tables, so no table
	}
	var errs []error
	families := []nftables.TableFamily{
		nftables.TableFamilyINet, nftables.TableFamilyARP, nftables.TableFamilyIPv4, nftables.TableFamilyIPv6,
	}
	for _, family := range families {
		t := named{&nftables.Table{Name: tableName, Family: family}}
		switch there, err := k.has(t); {
		case err != nil:
			errs = append(errs, err)
		case there:
			errs = append(errs, t.remove(k))
		}
	}
	return errors.Join(errs...)
}

// has tells whether there is a table of that name and family.
func (k *kernel) has(t named) (bool, error) {
	if err := k.prepare(); err != nil {
		return false, err
	}
	_, err := k.conn.ListTableOfFamily(t.Name, t.Family)
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	if err != nil { // answers may still be on their way
		k.close()
	}
	return err == nil, err
}
