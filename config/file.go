// SPDX-License-Identifier: Apache-2.0

package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// maxFileSize bounds what is read: a thousand routers take a tenth of it.
const maxFileSize = 4 << 20

// File is a file that was read without errors.
type File struct {
	// Nodes are the names that the file has values for, sorted. Without any, the
	// file is the same for every node.
	Nodes []string
	// Node is the name that the file gives to this node, or empty.
	Node string

	byNode map[string]*Config
}

// For returns the configuration of one node. An error names the nodes there are.
func (f *File) For(node string) (*Config, error) {
	if f.Node != "" {
		node = f.Node
	}
	if len(f.Nodes) == 0 {
		c := *f.byNode[""]
		c.Node = node
		return &c, nil
	}
	if c, ok := f.byNode[node]; ok {
		return c, nil
	}
	return nil, fmt.Errorf("this node is called %q, and the file has values for %s only: set `node`, or the host name",
		node, strings.Join(f.Nodes, ", "))
}

// Load reads a file. The File is nil if one of the problems is an error.
func Load(path string) (*File, Problems) {
	text, err := read(path)
	if err != nil {
		return nil, Problems{{File: path, Text: err.Error()}}
	}
	return Parse(path, text)
}

// SocketIn returns the path of the daemon's socket in a file that need not be valid: the
// daemon goes on with what it read before, and shall be found. It is the value of `api`,
// or the default if none can be made out. The error is that the file can't be read.
func SocketIn(path string) (string, error) {
	text, err := read(path)
	if err != nil {
		return "", fmt.Errorf("%s: %w", path, err)
	}
	var only struct{ API string }
	if err := yaml.Unmarshal(text, &only); err != nil || !filepath.IsAbs(only.API) {
		return DefaultAPI, nil
	}
	return only.API, nil
}

// read reads a file of a bounded size. The error does not name it.
func read(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, errors.New("can't be read: " + reason(err))
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxFileSize+1))
	if err != nil {
		return nil, errors.New("can't be read: " + reason(err))
	}
	if len(text) > maxFileSize {
		return nil, fmt.Errorf("is larger than %d MiB", maxFileSize>>20)
	}
	return text, nil
}

// reason is an error without the path, which stands in front of it anyway.
func reason(err error) string {
	if pathError := (*os.PathError)(nil); errors.As(err, &pathError) {
		return pathError.Err.Error()
	}
	return err.Error()
}

// Parse reads the text of a file; name stands in its problems.
func Parse(name string, text []byte) (*File, Problems) {
	root, problem := document(name, text)
	if problem != nil {
		return nil, Problems{*problem}
	}
	var problems Problems
	f := &File{Nodes: nodeNames(root), byNode: map[string]*Config{}}
	readAs := f.Nodes
	if len(readAs) == 0 {
		readAs = []string{""}
	}
	for _, node := range readAs {
		r := &reader{file: name, node: node, problems: &problems}
		f.byNode[node] = r.config(value{node: root})
		f.Node = f.byNode[node].Node
	}
	f.checkNodes(name, root, &problems)
	crossCheck(&reader{file: name, problems: &problems}, f)
	problems.sort()
	if problems.Failed() {
		return nil, problems
	}
	for node, c := range f.byNode {
		c.Node = node
	}
	return f, problems
}

// checkNodes sees that a node given by name is one of those with values.
func (f *File) checkNodes(name string, root *yaml.Node, problems *Problems) {
	if f.Node == "" || len(f.Nodes) == 0 || slices.Contains(f.Nodes, f.Node) {
		return
	}
	r := reader{file: name, problems: problems}
	r.problem(at(value{node: root}, "node"), "%q has no values: the file has some for %s", f.Node, strings.Join(f.Nodes, ", "))
}

// document parses the one YAML document of a file.
func document(name string, text []byte) (*yaml.Node, *Problem) {
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	var first, second yaml.Node
	switch err := decoder.Decode(&first); {
	case errors.Is(err, io.EOF):
		return nil, &Problem{File: name, Text: "is empty: at least `routers` must be there"}
	case err != nil:
		return nil, &Problem{File: name, Text: "is not YAML: " + syntaxError(err)}
	}
	if err := decoder.Decode(&second); !errors.Is(err, io.EOF) {
		return nil, &Problem{File: name, Line: second.Line, Column: second.Column, Text: "has a second YAML document; there may be one"}
	}
	return first.Content[0], nil
}

// syntaxError is YAML's complaint. It leaves out the name of an unknown anchor, the
// one thing of the file that YAML cites: it may be a password with an asterisk.
func syntaxError(err error) string {
	text := strings.TrimPrefix(err.Error(), "yaml: ")
	if strings.HasPrefix(text, "unknown anchor") {
		return "an alias, *name, of an anchor that is not there"
	}
	return text
}

// nodeNames finds the names by which routers give values for nodes.
func nodeNames(root *yaml.Node) []string {
	var names []string
	for _, router := range resolve(child(value{node: root}, "routers").node).Content {
		for _, v := range pairs(value{node: resolve(router)}) {
			mapping := value{node: resolve(v.value.node)}
			if !byNode(v.key) && !(v.key == "unicast" && unicastByNode(mapping)) {
				continue
			}
			for _, p := range pairs(mapping) {
				names = append(names, p.key)
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}
