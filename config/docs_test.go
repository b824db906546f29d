// SPDX-License-Identifier: Apache-2.0

package config

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// The configuration in the README is one that works, for both its nodes, without
// a warning.
func TestReadmeConfig(t *testing.T) {
	text, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	block := regexp.MustCompile("(?s)<!-- config:.*?```yaml\n(.*?)```").FindSubmatch(text)
	if block == nil {
		t.Fatal("no configuration in the README")
	}
	f, problems := Parse("README.md", block[1])
	if len(problems) > 0 {
		t.Fatal(lines(problems))
	}
	if got := strings.Join(f.Nodes, " "); got != "lb1 lb2" {
		t.Errorf("for the nodes %s", got)
	}
}

// Every example in docs/config.md works, without a warning.
func TestDocumentedExamples(t *testing.T) {
	text, err := os.ReadFile("../docs/config.md")
	if err != nil {
		t.Fatal(err)
	}
	examples := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllSubmatch(text, -1)
	if len(examples) == 0 {
		t.Error("no example in docs/config.md")
	}
	for _, example := range examples {
		if _, problems := Parse("docs/config.md", example[1]); len(problems) > 0 {
			t.Errorf("%s%s", example[1], lines(problems))
		}
	}
}

// Every key that is legal has its row in docs/config.md, and no other has.
func TestEveryKeyIsDocumented(t *testing.T) {
	text, err := os.ReadFile("../docs/config.md")
	if err != nil {
		t.Fatal(err)
	}
	documented := map[string]string{}
	for _, row := range regexp.MustCompile("(?m)^\\| `([a-z_]+)` \\|").FindAllSubmatch(text, -1) {
		documented[string(row[1])] = ""
	}
	legal := regexp.MustCompile("legal are (.*)$")
	for _, mistake := range []string{"no: 0\n", "routers: [{no: 0}]\n", "checks: [{no: 0}]\n", "groups: [{no: 0}]\n", "routers: [{addresses: [{no: 0}]}]\n"} {
		_, problems := Parse("x", []byte(mistake))
		for _, p := range problems {
			if keys := legal.FindStringSubmatch(p.Text); keys != nil {
				for _, key := range strings.Split(keys[1], ", ") {
					if _, ok := documented[key]; !ok {
						t.Errorf("key %q is not in docs/config.md", key)
					}
					documented[key] = "legal"
				}
			}
		}
	}
	for key, ok := range documented {
		if ok == "" {
			t.Errorf("docs/config.md has the key %q, which is not legal", key)
		}
	}
}
