// SPDX-License-Identifier: Apache-2.0

package api

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"vipd/daemon"
)

// reloader is a Reloader of which only one file is valid.
type reloader struct{ err error }

func (r reloader) Reload(context.Context) (string, error) { return "nothing changes", r.err }

func (r reloader) Plan(_ context.Context, file []byte) (string, error) {
	return fmt.Sprintf("%d bytes", len(file)), r.err
}

func TestReload(t *testing.T) {
	path := serve(t, source{})
	if text, err := Reload(context.Background(), path); err != nil || text != "nothing changes" {
		t.Errorf("reload: %q, %v", text, err)
	}
	if text, err := Plan(context.Background(), path, []byte("routers: []")); err != nil || text != "11 bytes" {
		t.Errorf("plan: %q, %v", text, err)
	}
	if _, err := Plan(context.Background(), path, bytes.Repeat([]byte("#"), maxFile+1)); err == nil || errors.Is(err, ErrUnreachable) {
		t.Errorf("a file that is too long: %v", err)
	}
	if _, err := Reload(context.Background(), path+"x"); !errors.Is(err, ErrUnreachable) {
		t.Errorf("without a daemon: %v", err)
	}
}

func TestReloadRefuses(t *testing.T) {
	tests := map[string]struct {
		user int
		err  error
		want int
	}{
		"not root":           {1000, nil, http.StatusForbidden},
		"user not known":     {nobody, nil, http.StatusForbidden},
		"file not valid":     {0, errors.New("vipd.yaml:3: unknown key"), http.StatusConflict},
		"daemon is stopping": {0, daemon.ErrNotRunning, http.StatusServiceUnavailable},
		"nothing wrong":      {0, nil, http.StatusOK},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			mux := http.NewServeMux()
			handleReload(mux, reloader{test.err})
			for _, path := range []string{reloadPath, planPath} {
				w := recorder{httptest.NewRecorder()}
				mux.ServeHTTP(w, by(test.user, http.MethodPost, path, ""))
				if w.Code != test.want {
					t.Errorf("%s: %d %s, want %d", path, w.Code, w.Body, test.want)
				}
			}
		})
	}
}
