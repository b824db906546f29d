// SPDX-License-Identifier: Apache-2.0

package health

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// entry is a file, a directory or a link to make.
type entry struct {
	name string
	mode fs.FileMode // with fs.ModeDir: a directory
	uid  int
	link string // where a symbolic link leads to, from dir if it begins with /
}

// tree makes these in a new directory, and returns that.
func tree(t *testing.T, entries ...entry) string {
	t.Helper()
	dir := t.TempDir()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, e := range entries {
		path := filepath.Join(dir, e.name)
		switch {
		case e.link != "":
			if filepath.IsAbs(e.link) {
				e.link = filepath.Join(dir, e.link)
			}
			must(os.Symlink(e.link, path))
		case e.mode.IsDir():
			must(os.Mkdir(path, 0o700))
			must(os.Chmod(path, e.mode))
		default:
			must(os.WriteFile(path, []byte("#!/bin/sh\nexit 0\n"), 0o600))
			must(os.Chmod(path, e.mode))
		}
		must(os.Lchown(path, e.uid, 0))
	}
	return dir
}

func TestVerify(t *testing.T) {
	const dir = fs.ModeDir
	tests := map[string]struct {
		entries []entry
		want    string
	}{
		"root's":                         {[]entry{{name: "s", mode: 0o755}}, ""},
		"missing":                        {nil, "no such file or directory"},
		"writable for all":               {[]entry{{name: "s", mode: 0o757}}, "/s is writable for everybody: want root only"},
		"writable for its group":         {[]entry{{name: "s", mode: 0o775}}, "/s is writable for its group: want root only"},
		"somebody else's":                {[]entry{{name: "s", mode: 0o755, uid: 65534}}, "/s belongs to user 65534: want root"},
		"not executable":                 {[]entry{{name: "s", mode: 0o644}}, "/s: is not executable"},
		"a directory":                    {[]entry{{name: "s", mode: dir | 0o755}}, "/s is not a regular file"},
		"in a directory that all write":  {[]entry{{name: "d", mode: dir | 0o777}, {name: "d/s", mode: 0o755}, {name: "s", link: "/d/s"}}, "/d is writable for everybody"},
		"in a directory of a group":      {[]entry{{name: "d", mode: dir | 0o775}, {name: "d/s", mode: 0o755}, {name: "s", link: "/d/s"}}, "/d is writable for its group"},
		"in somebody else's directory":   {[]entry{{name: "d", mode: dir | 0o755, uid: 65534}, {name: "d/s", mode: 0o755}, {name: "s", link: "/d/s"}}, "/d belongs to user 65534"},
		"in a sticky directory":          {[]entry{{name: "d", mode: dir | fs.ModeSticky | 0o777}, {name: "d/s", mode: 0o755}, {name: "s", link: "/d/s"}}, ""},
		"else's in a sticky directory":   {[]entry{{name: "d", mode: dir | fs.ModeSticky | 0o777}, {name: "d/s", mode: 0o755, uid: 65534}, {name: "s", link: "/d/s"}}, "/d/s belongs to user 65534"},
		"a link":                         {[]entry{{name: "r", mode: 0o755}, {name: "s", link: "/r"}}, ""},
		"a relative link":                {[]entry{{name: "d", mode: dir | 0o755}, {name: "r", mode: 0o755}, {name: "d/l", link: "../r"}, {name: "s", link: "d/l"}}, ""},
		"somebody else's link":           {[]entry{{name: "r", mode: 0o755}, {name: "s", link: "/r", uid: 65534}}, "/s belongs to user 65534"},
		"a link by way of a bad link":    {[]entry{{name: "r", mode: 0o755}, {name: "l", link: "/r", uid: 65534}, {name: "s", link: "/l"}}, "/l belongs to user 65534"},
		"a link out of a bad directory":  {[]entry{{name: "r", mode: 0o755}, {name: "d", mode: dir | 0o777}, {name: "d/l", link: "../r"}, {name: "s", link: "d/l"}}, "/d is writable for everybody"},
		"a link through a bad directory": {[]entry{{name: "r", mode: 0o755}, {name: "d", mode: dir | 0o777}, {name: "s", link: "d/../r"}}, "/d is writable for everybody"},
		"a link to nowhere":              {[]entry{{name: "s", link: "/r"}}, "no such file or directory"},
		"a link to itself":               {[]entry{{name: "s", link: "/s"}}, "too many levels of symbolic links"},
		"a link to a directory":          {[]entry{{name: "s", link: "."}}, "is not a regular file"},
		"a device":                       {[]entry{{name: "s", link: "../../../../../../dev/null"}}, "/dev/null is writable for everybody"},
		"below a file":                   {[]entry{{name: "r", mode: 0o755}, {name: "s", link: "r/x"}}, "not a directory"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			err := verify(filepath.Join(tree(t, test.entries...), "s"))
			if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
				t.Errorf("%v, want %q", err, test.want)
			}
		})
	}
}
