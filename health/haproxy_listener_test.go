// SPDX-License-Identifier: Apache-2.0

package health

import (
	"context"
	"errors"
	"net"
	"syscall"
	"testing"
	"time"
)

// answering is a Kind that answers so, once its pause is over.
type answering struct {
	err   error
	pause time.Duration
}

func (a answering) prober(*Check) Prober { return a }

func (a answering) Probe(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(a.pause):
		return a.err
	}
}

func TestHAProxyListener(t *testing.T) {
	const info, stopping = "Name: HAProxy\nPid: 812\n\n", "Name: HAProxy\nPid: 812\nStopping: 1\n\n"
	slowly := func(conn net.Conn) {
		time.Sleep(200 * time.Millisecond)
		says(info)(conn)
	}
	tests := map[string]struct {
		listener answering
		socket   func(net.Conn)
		want     Result
	}{
		"both answer":              {answering{}, says(info), Result{OK: true}},
		"both are slow":            {answering{pause: 200 * time.Millisecond}, slowly, Result{OK: true}},
		"the listener does not":    {answering{pause: time.Minute}, says(info), Result{Detail: "listener: no answer within 300ms"}},
		"it answers wrongly":       {answering{err: errors.New("HTTP 503")}, says(info), Result{Detail: "listener: HTTP 503"}},
		"it has a remark":          {answering{err: remark{"expires", true}}, says(info), Result{OK: true, Warning: true, Detail: "listener: expires"}},
		"it can't be asked":        {answering{err: syscall.EMFILE}, says(info), Result{Unmade: true, Detail: "not asked: listener: too many open files"}},
		"the socket does not":      {answering{}, silent, Result{Detail: "no answer within 300ms"}},
		"neither does":             {answering{pause: time.Minute}, silent, Result{Detail: "no answer within 300ms"}},
		"the socket is sure":       {answering{pause: time.Minute}, says(stopping), Result{Sure: true, Detail: "HAProxy process 812 is stopping"}},
		"the listener has stopped": {answering{err: syscall.ECONNREFUSED}, says(stopping), Result{Sure: true, Detail: "HAProxy process 812 is stopping"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got := probeOnce(t, HAProxy{Socket: serveUnix(t, test.socket), Listener: test.listener})
			if test.want.Sure && got.Took > 250*time.Millisecond {
				t.Errorf("sure after %v", got.Took)
			}
			got.Check, got.Took = "", 0
			if got != test.want {
				t.Errorf("got %+v, want %+v", got, test.want)
			}
		})
	}
}

// What a listener of the real one answers, beside a socket that is well all the time.
func TestHAProxyRealListener(t *testing.T) {
	tests := map[string]struct {
		listener Kind
		want     string
	}{
		"a port it listens on":       {TCP{Address: "127.0.0.1:8080"}, ""},
		"a port it does not":         {TCP{Address: "127.0.0.1:8082"}, "listener: 127.0.0.1:8082: connection refused"},
		"a page":                     {HTTP{URL: "http://127.0.0.1:8080/"}, ""},
		"the status of another page": {HTTP{URL: "http://127.0.0.1:8080/", Status: []int{204}}, "listener: HTTP 200"},
		"TLS where there is none":    {TLS{Address: "127.0.0.1:8080"}, "listener: TLS handshake: "},
	}
	eachHAProxy(t, func(t *testing.T, lab *haproxyLab) {
		lab.start(t)
		for name, test := range tests {
			t.Run(name, func(t *testing.T) {
				demand(t, next(t, run(t, HAProxy{Socket: lab.stats, Listener: test.listener}, time.Hour, time.Second)), test.want)
			})
		}
	})
}
