// SPDX-License-Identifier: Apache-2.0

package host

import (
	"errors"
	"os"
	"slices"
	"testing"

	"golang.org/x/sys/unix"
)

func TestChildren(t *testing.T) {
	child, _ := grandchild(t)
	stat, err := readProc(child, "stat")
	if err != nil {
		t.Fatal(err)
	}
	shell := parent(stat)
	for name, list := range map[string]func(int) ([]int, error){
		"by the kernel's list": Processes{}.Children,
		"by their parent":      Processes{}.childrenByParent,
	} {
		t.Run(name, func(t *testing.T) {
			if children, err := list(shell); err != nil || !slices.Equal(children, []int{child}) {
				t.Errorf("%v, %v: want %d", children, err, child)
			}
			for _, none := range []int{maxPID + 1, -shell} {
				if children, err := list(none); len(children) > 0 || err != nil {
					t.Errorf("process %d has %v, %v", none, children, err)
				}
			}
		})
	}
}

func TestParent(t *testing.T) {
	tests := map[string]struct {
		stat string
		want int
	}{
		"plain":              {"7 (sleep) S 42 7 7 0", 42},
		"a name to deceive":  {"7 (a) S 1 (b) R 42 7 7 0", 42},
		"cut":                {"7 (sleep) S", 0},
		"no number":          {"7 (sleep) S x", 0},
		"empty":              {"", 0},
		"without a name":     {"7 S 42", 0},
		"only a parenthesis": {")", 0},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := parent([]byte(test.stat)); got != test.want {
				t.Errorf("%d, want %d", got, test.want)
			}
		})
	}
}

func TestTitle(t *testing.T) {
	if title, err := (Processes{}).Title(os.Getpid()); title != os.Args[0] || err != nil {
		t.Errorf("%q, %v; want %q", title, err, os.Args[0])
	}
	for _, none := range []int{maxPID + 1, 0, -1} {
		if _, err := (Processes{}).Title(none); !errors.Is(err, unix.ESRCH) {
			t.Errorf("process %d: %v", none, err)
		}
	}
}
