// SPDX-License-Identifier: Apache-2.0

package health_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"vipd/integration/lab"
	"vipd/integration/lab/labtest"
)

const (
	front      = "127.0.0.1:80"   // where a service listens
	backend    = "127.0.0.1:8081" // what is behind it, when something is
	backendLag = 500 * time.Millisecond
	// connections is how many a service permits, clients' and others: more than a client
	// needs that asks all addresses at once, of a slow backend.
	connections = 800
	// descriptors is how many file descriptors a worker may have.
	descriptors = 4096
	// inARow is how many clients in a row must not have been served in impatience, on a
	// busy machine, until nobody is.
	inARow     = 5
	impatience = 50 * time.Millisecond
)

// settings are what changes in the configuration of a service.
type settings struct {
	name      string // of the host, its answer
	dir       string
	elsewhere bool // it listens, but not where it should
	backend   string
}

// service is a real HAProxy or nginx with a master and a worker, as Debian's units run
// them, on one host.
type service struct {
	*lab.Program
	where
	host   *lab.Host
	config func(settings) string
	reload syscall.Signal // to the master
	crash  action
	loaded func(worker int) error // tells whether the master has done with loading; nil: not asked
	quit   syscall.Signal         // to the master: no new clients; it ends with the last one

	held []net.Conn // by clients that have not asked yet
}

// start starts the service and waits until it serves.
func (s *service) start(t *testing.T, program string, arguments ...string) *service {
	t.Helper()
	link, err := lab.NamedProgram(s.host.Dir, program, s.name)
	labtest.Must(t, err)
	certify(t, s.where)
	startBackend(t, s.host)
	s.configure(t, settings{})
	s.Program, err = lab.StartProgram(s.host.Namespace, s.file("service.log"), append([]string{link}, arguments...)...)
	labtest.Must(t, err)
	t.Cleanup(func() {
		s.KillAll()
		if t.Failed() {
			t.Logf("the log of %s ends with:\n%s", s.name, s.LogTail())
		}
	})
	s.serves(t)
	return s
}

func (s *service) configure(t *testing.T, c settings) {
	t.Helper()
	c.name, c.dir = s.host.Name(), s.dir
	labtest.Must(t, os.WriteFile(s.file("service.cfg"), []byte(s.config(c)), 0o600))
}

// serves waits until the service answers.
func (s *service) serves(t *testing.T) {
	t.Helper()
	labtest.Await(t, func() error { return s.ask(time.Second) })
}

// ask asks the service for its page.
func (s *service) ask(patience time.Duration) error {
	client := http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true,
		Dial: func(_, address string) (net.Conn, error) { return s.dial(address) }}}
	answer, err := client.Get("http://" + front)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("%s says %s", s.name, answer.Status)
	}
	_, err = io.Copy(io.Discard, answer.Body)
	return err
}

// dial connects to the service on its own host.
func (s *service) dial(address string) (conn net.Conn, err error) {
	err = s.host.Do(func() error {
		conn, err = net.DialTimeout("tcp", address, time.Second)
		return err
	})
	return conn, err
}

// worker is the process that serves: the newest one. Older ones may still wait for clients
// that have lost their way to them, with the address.
func (s *service) worker(t *testing.T) int {
	t.Helper()
	workers, err := s.Workers()
	labtest.Must(t, err)
	if len(workers) == 0 {
		t.Fatalf("%s has no worker", s.name)
	}
	return workers[len(workers)-1]
}

func (s *service) signalWorker(signal syscall.Signal) action {
	return func(t *testing.T) { labtest.Must(t, syscall.Kill(s.worker(t), signal)) }
}

// reloadWith has the service follow another configuration.
func (s *service) reloadWith(c settings) action {
	return func(t *testing.T) {
		s.configure(t, c)
		labtest.Must(t, s.Signal(s.reload))
	}
}

// reloadTimes has the service reload again and again, a moment after it has done so.
func (s *service) reloadTimes(n int) action {
	return func(t *testing.T) {
		for range n {
			<-time.After(interval)
			s.replaceWorker(t, func() { labtest.Must(t, s.Signal(s.reload)) })
		}
	}
}

// replaceWorker waits until there is a newer worker than before.
func (s *service) replaceWorker(t *testing.T, do func()) {
	t.Helper()
	before := s.worker(t)
	do()
	labtest.Await(t, func() error {
		workers, err := s.Workers()
		if err == nil && (len(workers) == 0 || workers[len(workers)-1] == before) {
			err = fmt.Errorf("the workers of %s are %v, as before", s.name, workers)
		}
		if err == nil && s.loaded != nil {
			err = s.loaded(workers[len(workers)-1])
		}
		return err
	})
}

// revive ends what is left of the service and starts it again.
func (s *service) revive(t *testing.T) {
	s.release(t)
	labtest.Must(t, s.KillAll())
	s.configure(t, settings{})
	labtest.Must(t, s.Restart())
	s.serves(t)
}

// restart is `systemctl restart`.
func (s *service) restart(t *testing.T) {
	labtest.Must(t, s.Stop())
	labtest.Must(t, s.Restart())
}

// settle has the service follow its own configuration again.
func (s *service) settle(t *testing.T) {
	s.replaceWorker(t, func() { s.reloadWith(settings{})(t) })
	s.serves(t)
}

// hold has a client connect that does not finish its question.
func (s *service) hold(t *testing.T) {
	t.Helper()
	conn, err := s.dial(front)
	labtest.Must(t, err)
	s.held = append(s.held, conn)
	io.WriteString(conn, "GET / HTTP/1.1\r\nHost: ") // one who is refused is no help, and no harm
}

// holdMost has clients hold all but a few of the connections.
func (s *service) holdMost(t *testing.T) {
	for range connections - 100 {
		s.hold(t)
	}
}

// fill has clients hold connections until nobody else is served. nginx drops some of those
// that it has not read from yet, so that it takes more than it permits.
func (s *service) fill(t *testing.T) {
	for refused := 0; refused < inARow; {
		if s.hold(t); len(s.held) > 2*connections {
			t.Fatalf("%s serves with %d connections held", s.name, len(s.held))
		}
		switch {
		case len(s.held) < connections:
		case s.ask(impatience) == nil:
			refused = 0
		default:
			refused++
		}
	}
}

// release has those clients go.
func (s *service) release(*testing.T) {
	for _, conn := range s.held {
		conn.Close()
	}
	s.held = nil
}

// stopSoftly has the service take no new clients, and end with the last one.
func (s *service) stopSoftly(t *testing.T) { labtest.Must(t, s.Signal(s.quit)) }

// permit limits how many file descriptors the worker may have: it keeps those it has.
func (s *service) permit(files uint64) action {
	return func(t *testing.T) {
		labtest.Must(t, unix.Prlimit(s.worker(t), unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: files, Max: descriptors}, nil))
	}
}

// startBackend starts a server behind a service that takes its time.
func startBackend(t *testing.T, h *lab.Host) {
	t.Helper()
	var listener net.Listener
	labtest.Must(t, h.Do(func() (err error) {
		listener, err = net.Listen("tcp", backend)
		return err
	}))
	server := http.Server{ReadHeaderTimeout: labtest.Patience, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		<-time.After(backendLag)
		io.WriteString(w, h.Name())
	})}
	go server.Serve(listener)
	t.Cleanup(func() { server.Close() })
}
