// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Download is a client that loads a page without an end from a [Backend] as fast as it can,
// in a process of its own.
type Download struct {
	*helper
	server string

	mu       sync.Mutex // guards what follows
	progress []Progress // in their order
	broken   *Break
}

// Progress is what came in a tenth of a second.
type Progress struct {
	End   time.Time `json:"end"`
	Bytes int64     `json:"bytes"`
}

// downloadLine is what the process says: one of its fields.
type downloadLine struct {
	Server   string    `json:"server,omitempty"` // first, when the page begins
	Progress *Progress `json:"progress,omitempty"`
	Break    *Break    `json:"break,omitempty"` // last
}

// StartDownload begins to download from the server, from inside n, and waits until the page
// begins.
func StartDownload(n *Namespace, server netip.AddrPort) (*Download, error) {
	var first downloadLine
	h, err := startReporter(n, "download", server.String(), &first)
	if err != nil {
		return nil, fmt.Errorf("from %v: %w", server, err)
	}
	d := &Download{helper: h, server: first.Server}
	go follow(h, d.add)
	return d, nil
}

func (d *Download) add(line downloadLine) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.progress) == maxSamples {
		return errFull
	}
	if line.Progress != nil {
		d.progress = append(d.progress, *line.Progress)
	}
	if line.Break != nil {
		d.broken = line.Break
	}
	return nil
}

// Server is the host that the page comes from.
func (d *Download) Server() string { return d.server }

// Progress is what came until now.
func (d *Download) Progress() []Progress {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.progress)
}

// Broken is how the download ended, or nil while it goes on.
func (d *Download) Broken() *Break {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.broken
}

// download is the process of a download. Its argument is the server.
func download(server string, out io.Writer, stop <-chan struct{}) error {
	conn, page, name, err := ask(server, zerosPath, "", http.StatusOK)
	if err != nil {
		return err
	}
	lines := json.NewEncoder(out)
	lines.Encode(downloadLine{Server: name})
	var came atomic.Int64
	end, ended := make(chan struct{}), make(chan error, 1)
	go func() {
		ended <- load(conn, int64(page.Buffered()), &came)
		close(end)
	}()
	go func() {
		<-stop
		conn.Close()
	}()
	if err := pace(spell, end, func() {
		lines.Encode(downloadLine{Progress: &Progress{End: time.Now(), Bytes: came.Swap(0)}})
	}); err != nil {
		return err
	}
	select {
	case <-stop:
	default:
		lines.Encode(downloadLine{Break: &Break{At: time.Now(), Server: name, Reason: reason(<-ended)}})
	}
	return nil
}

// load reads to the end, which is its error.
func load(page io.Reader, came int64, sum *atomic.Int64) error {
	buffer := make([]byte, zerosChunk)
	for {
		sum.Add(came)
		n, err := page.Read(buffer)
		if err != nil {
			return err
		}
		came = int64(n)
	}
}
