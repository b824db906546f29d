// SPDX-License-Identifier: Apache-2.0

package interop_test

import (
	"os"
	"testing"

	"vipd/integration/lab/labtest"
)

// documentEnv holds the path of the document to write, if it is to be written.
const documentEnv = "VIPD_INTEROP_DOCUMENT"

// TestInterop measures all that docs/interop.md tells.
func TestInterop(t *testing.T) {
	all := pairings()
	r := report{Rows: make([]row, 2*len(all)), Faults: faults()}
	t.Run("migration", func(t *testing.T) {
		t.Run("without a loss", func(t *testing.T) { t.Parallel(); r.Migration = testMigration(t) })
		t.Run("plain", func(t *testing.T) { t.Parallel(); r.Plain = testPlainMigration(t) })
	})
	t.Run("peers", func(t *testing.T) {
		for i, p := range all {
			for j, active := range []string{"vipd", "peer"} {
				t.Run(p.name+", Active: "+active, func(t *testing.T) {
					t.Parallel()
					r.Rows[2*i+j] = testContest(t, p, active == "vipd")
				})
			}
		}
		for _, f := range r.Faults {
			t.Run("fault: "+f.peer+" "+f.what, func(t *testing.T) {
				t.Parallel()
				f.show(t)
			})
		}
	})
	if path := os.Getenv(documentEnv); path != "" && !t.Failed() {
		text, err := r.document()
		labtest.Must(t, err)
		labtest.Must(t, os.WriteFile(path, text, 0o644))
	}
}
