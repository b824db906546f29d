// SPDX-License-Identifier: Apache-2.0

package config

import (
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// value is one value at its place in the file.
type value struct {
	node *yaml.Node
	path string
}

// reader reads the file for one node, and collects the problems.
type reader struct {
	file     string
	node     string
	problems *Problems
	errors   int // so many problems that are more than a warning
}

// key is one legal key of a mapping. Without read, it is not in this version.
type key struct {
	name string
	read func(value)
}

// pair is one entry of a mapping.
type pair struct {
	key     string
	keyNode *yaml.Node
	value   value
}

func (r *reader) problem(v value, format string, args ...any) {
	r.report(v, false, format, args...)
}

func (r *reader) warn(v value, format string, args ...any) {
	r.report(v, true, format, args...)
}

func (r *reader) report(v value, warning bool, format string, args ...any) {
	if !warning {
		r.errors++
	}
	p := Problem{File: r.file, Path: v.path, Text: fmt.Sprintf(format, args...), Warning: warning}
	if v.node != nil {
		p.Line, p.Column = v.node.Line, v.node.Column
	}
	r.problems.add(p)
}

// resolve follows an alias to what it stands for.
func resolve(n *yaml.Node) *yaml.Node {
	for depth := 0; n != nil && n.Kind == yaml.AliasNode && depth < 16; depth++ {
		n = n.Alias
	}
	if n == nil {
		return &yaml.Node{}
	}
	return n
}

// pairs lists a mapping's entries; of anything else, none.
func pairs(v value) []pair {
	n := resolve(v.node)
	if n.Kind != yaml.MappingNode {
		return nil
	}
	var all []pair
	for i := 0; i+1 < len(n.Content); i += 2 {
		k := n.Content[i]
		path := k.Value
		if v.path != "" {
			path = v.path + "." + k.Value
		}
		all = append(all, pair{k.Value, k, value{n.Content[i+1], path}})
	}
	return all
}

// child is a mapping's value of that key, or a value without a node.
func child(v value, name string) value {
	for _, p := range pairs(v) {
		if p.key == name {
			return p.value
		}
	}
	return value{path: v.path}
}

// at is where to point for a key that may not be there: else at the mapping.
func at(v value, name string) value {
	if c := child(v, name); c.node != nil {
		return c
	}
	return v
}

// mapping reads a mapping with these keys, of which some are required. They are read
// in this order, whatever the file's: a later one may need an earlier one.
func (r *reader) mapping(v value, keys []key, required ...string) {
	if resolve(v.node).Kind != yaml.MappingNode {
		r.problem(v, "%s: want a mapping with the keys %s", describe(v.node), legal(keys))
		return
	}
	found := r.entries(v, keys)
	for _, k := range keys {
		if v, ok := found[k.name]; ok && k.read != nil {
			k.read(v)
		}
	}
	for _, name := range required {
		if _, ok := found[name]; !ok {
			r.problem(v, "`%s` is missing", name)
		}
	}
}

// entries finds the values of a mapping's keys, and refuses all other keys.
func (r *reader) entries(v value, keys []key) map[string]value {
	found := map[string]value{}
	for _, p := range pairs(v) {
		i := slices.IndexFunc(keys, func(k key) bool { return k.name == p.key })
		here := value{p.keyNode, v.path}
		_, twice := found[p.key]
		switch {
		case i < 0:
			r.problem(here, "unknown key %q: legal are %s", p.key, legal(keys))
		case twice:
			r.problem(here, "key %q is there twice", p.key)
		case keys[i].read == nil:
			r.problem(here, "key %q is not in this version", p.key)
		default:
			found[p.key] = p.value
		}
	}
	return found
}

// legal lists the keys that may be used.
func legal(keys []key) string {
	var names []string
	for _, k := range keys {
		if k.read != nil {
			names = append(names, k.name)
		}
	}
	return strings.Join(names, ", ")
}

// list reads each element of a sequence, of which there may be so many.
func (r *reader) list(v value, most int, each func(value)) {
	n := resolve(v.node)
	if n.Kind != yaml.SequenceNode {
		r.problem(v, "%s: want a list", describe(v.node))
		return
	}
	if len(n.Content) > most {
		r.problem(v, "%d elements: at most %d", len(n.Content), most)
		return
	}
	for i, element := range n.Content {
		each(value{element, fmt.Sprintf("%s[%d]", v.path, i)})
	}
}

// perNode lets a single value also be a map by node name.
func (r *reader) perNode(read func(value)) func(value) {
	return func(v value) {
		if resolve(v.node).Kind != yaml.MappingNode {
			read(v)
			return
		}
		for _, p := range r.byNodeName(v) {
			if p.key == r.node {
				read(p.value)
			}
		}
	}
}

// byNodeName lists the entries of a map by node name, which must have one for this
// node.
func (r *reader) byNodeName(v value) []pair {
	seen := map[string]bool{}
	var all []pair
	for _, p := range pairs(v) {
		switch {
		case !namePattern.MatchString(p.key):
			r.problem(value{p.keyNode, v.path}, "%q is not the name of a node: want %s", p.key, nameRule)
		case seen[p.key]:
			r.problem(value{p.keyNode, v.path}, "node %q is there twice", p.key)
		default:
			all = append(all, p)
		}
		seen[p.key] = true
	}
	if !seen[r.node] {
		r.problem(v, "no value for node %q, which is named elsewhere in the file", r.node)
	}
	return all
}

// describe writes a value for a message, short.
func describe(n *yaml.Node) string {
	switch n = resolve(n); n.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	case yaml.ScalarNode:
		if n.Tag == "!!null" {
			return "no value"
		}
		text := n.Value
		if len(text) > 60 {
			text = text[:60] + "…"
		}
		return fmt.Sprintf("%q", text)
	}
	return "no value"
}
