// SPDX-License-Identifier: Apache-2.0

package health

import (
	"bytes"
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
)

// maxStatistics bounds the answer to `show stat`, in bytes. A backend's row has some
// 500 of them.
const maxStatistics = 1 << 20

// askServers demands as many usable servers as the backends must have. All backends
// (2) are asked for at once, without their servers: by its name HAProxy might find a
// frontend instead.
func (h *haproxy) askServers(ctx context.Context) error {
	answer, err := h.ask(ctx, h.prefix+"show stat -1 2 -1\n", maxStatistics)
	if err != nil {
		return err
	}
	usable, err := usableServers(answer)
	if err != nil {
		return fmt.Errorf("%s: %w", h.Socket, err)
	}
	for _, backend := range slices.Sorted(maps.Keys(h.MinServers)) {
		n, known := usable[backend]
		switch want := h.MinServers[backend]; {
		case !known:
			return fmt.Errorf("HAProxy has no backend %q", backend)
		case n < want:
			return fmt.Errorf("backend %q has %d usable servers, want %d", backend, n, want)
		}
	}
	return nil
}

// usableServers reads HAProxy's statistics: a header, "# pxname,svname,...", and a row
// for each backend, with the number of its usable servers (act) and backups (bck). Which
// column is which depends on the version.
func usableServers(statistics []byte) (map[string]int, error) {
	rows := csv.NewReader(bytes.NewReader(statistics))
	header, err := rows.Read()
	name, active, backups := slices.Index(header, "# pxname"), slices.Index(header, "act"), slices.Index(header, "bck")
	if err != nil || name < 0 || active < 0 || backups < 0 {
		return nil, fmt.Errorf("answer is not HAProxy's show stat: %.60q", statistics)
	}
	rows.ReuseRecord = true
	usable := map[string]int{}
	for {
		row, err := rows.Read() // as many fields as the header has
		if err == io.EOF {
			return usable, nil
		}
		if err != nil {
			return nil, fmt.Errorf("HAProxy's show stat: %w", err)
		}
		n, notActive := strconv.ParseUint(row[active], 10, 31)
		m, notBackup := strconv.ParseUint(row[backups], 10, 31)
		if notActive != nil || notBackup != nil {
			return nil, fmt.Errorf("HAProxy's show stat: backend %.60q has %.20q active servers and %.20q backups", row[name], row[active], row[backups])
		}
		usable[row[name]] = int(n + m)
	}
}
