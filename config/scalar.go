// SPDX-License-Identifier: Apache-2.0

package config

import (
	"regexp"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// Names of nodes, routers and checks stand in logs, metrics and paths.
var namePattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$`)

const nameRule = "letters, digits, `.`, `_` and `-`, at most 63"

// plainInteger is what a number may look like: YAML would also take 010 for 8,
// and 0x10, 1_000, 10.0.
var plainInteger = regexp.MustCompile(`^(0|-?[1-9][0-9]{0,9})$`)

// text reads a scalar that is not empty.
func (r *reader) text(v value) (string, bool) {
	n := resolve(v.node)
	if n.Kind != yaml.ScalarNode || n.Tag == "!!null" || n.Value == "" {
		r.problem(v, "%s: want a single value", describe(v.node))
		return "", false
	}
	return n.Value, true
}

// name reads a name.
func (r *reader) name(v value, into *string) {
	if s, ok := r.text(v); ok {
		if !namePattern.MatchString(s) {
			r.problem(v, "%s: want %s", describe(v.node), nameRule)
			return
		}
		*into = s
	}
}

// integer reads a whole number of the range.
func (r *reader) integer(v value, least, most int) (int, bool) {
	s, ok := r.text(v)
	if !ok {
		return 0, false
	}
	i, err := strconv.Atoi(s)
	if err != nil || !plainInteger.MatchString(s) || i < least || i > most {
		r.problem(v, "%s: want a whole number, %d–%d", describe(v.node), least, most)
		return 0, false
	}
	return i, true
}

// duration reads a duration of the range, in Go's form.
func (r *reader) duration(v value, least, most time.Duration) (time.Duration, bool) {
	s, ok := r.text(v)
	if !ok {
		return 0, false
	}
	d, ok := parseDuration(s, least, most)
	if !ok {
		r.problem(v, "%s: want a duration with its unit, %v–%v", describe(v.node), short(least), short(most))
	}
	return d, ok
}

// parseDuration reports false for what is no duration with a unit, or not in the range.
func parseDuration(s string, least, most time.Duration) (time.Duration, bool) {
	d, err := time.ParseDuration(s)
	if err != nil || strings.HasPrefix(s, "+") || plainInteger.MatchString(s) && s != "0" || d < least || d > most {
		return 0, false
	}
	return d, true
}

// short writes a duration without the zeros of Go's form: 1h instead of 1h0m0s.
func short(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// boolean reads true or false; YAML's older words yes and on are no booleans.
func (r *reader) boolean(v value, into *bool) {
	if word, ok := r.oneOf(v, "true", "false"); ok {
		*into = word == "true"
	}
}

// oneOf reads one of these words.
func (r *reader) oneOf(v value, words ...string) (string, bool) {
	s, ok := r.text(v)
	if !ok {
		return "", false
	}
	for _, word := range words {
		if s == word {
			return s, true
		}
	}
	r.problem(v, "%s: want %s", describe(v.node), strings.Join(words, " or "))
	return "", false
}

// path reads an absolute path that fits into a socket's address.
func (r *reader) path(v value, into *string) {
	const most = 107 // sun_path, with its end
	s, ok := r.text(v)
	if !ok {
		return
	}
	if !strings.HasPrefix(s, "/") || len(s) > most || strings.ContainsRune(s, 0) {
		r.problem(v, "%s: want an absolute path of at most %d bytes", describe(v.node), most)
		return
	}
	*into = s
}
