// SPDX-License-Identifier: Apache-2.0

package api

import (
	"context"
	"net/http"
)

const (
	reloadPath = controlPath + "reload"
	planPath   = "/v1/plan"
	// maxFile bounds a configuration file, in bytes.
	maxFile = 4 << 20
)

// Reloader reloads the configuration. Both say what changes, a line each.
type Reloader interface {
	// Reload takes over the configuration file. An error leaves everything as it was.
	Reload(context.Context) (string, error)
	// Plan says what a reload of a file with that text would do.
	Plan(ctx context.Context, file []byte) (string, error)
}

// handleReload adds the verb reload, which has no body, and the plan of a file.
func handleReload(mux *http.ServeMux, r Reloader) {
	reload := func(ctx context.Context, _ []byte) (string, error) { return r.Reload(ctx) }
	mux.HandleFunc("POST "+reloadPath, forRoot(0, refusing(reload)))
	mux.HandleFunc("POST "+planPath, forRoot(maxFile, refusing(r.Plan)))
}

// refusal is the no to a file: it is not valid, or not possible now.
type refusal struct{ error }

func (r refusal) Unwrap() error { return r.error }

func refusing(do func(context.Context, []byte) (string, error)) func(context.Context, []byte) (string, error) {
	return func(ctx context.Context, body []byte) (string, error) {
		text, err := do(ctx, body)
		if err != nil {
			err = refusal{err}
		}
		return text, err
	}
}

// Reload makes the daemon on that socket read its file again, and returns what has
// changed. The error wraps ErrUnreachable, or is the daemon's no in its words.
func Reload(ctx context.Context, socket string) (string, error) {
	return order(ctx, socket, reloadPath, nil)
}

// Plan asks the daemon on that socket what a reload of a file with that text would do.
func Plan(ctx context.Context, socket string, file []byte) (string, error) {
	return order(ctx, socket, planPath, file)
}
