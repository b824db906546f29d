// SPDX-License-Identifier: Apache-2.0

package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestSocketIn(t *testing.T) {
	path := filepath.Join(t.TempDir(), "vipd.yaml")
	for text, want := range map[string]string{
		"":                             DefaultAPI,
		"api: /run/other.sock\n":       "/run/other.sock",
		"api: /run/o.sock\ntypo: 1\n":  "/run/o.sock",
		"api: other.sock\n":            DefaultAPI,
		"api: [/run/other.sock]\n":     DefaultAPI,
		"api: /run/o.sock\nbroken: [,": DefaultAPI,
		"- not a map\n":                DefaultAPI,
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := SocketIn(path); err != nil || got != want {
			t.Errorf("%q: %q, %v, want %q", text, got, err, want)
		}
	}
	if got, err := SocketIn(path + "x"); err == nil || !strings.HasPrefix(err.Error(), path+"x: can't be read: ") {
		t.Errorf("no file: %q, %v", got, err)
	}
}
