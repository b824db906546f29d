// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"
)

const (
	// backendAddress is where a backend is found on its own host.
	backendAddress = "127.0.0.1:8080"

	// echoPath is what is asked for as a conversation, by an upgrade (RFC 9110 §7.8): from
	// then on each message comes back. The messages have numberLen bytes.
	echoPath, echoProtocol = "/echo", "echo"
	// zerosPath is a page without an end.
	zerosPath = "/zeros"
	// zerosChunk is how much of it is written and read at once, in bytes.
	zerosChunk = 256 << 10
)

// Backend is the application behind a proxy, in a process of its own: it holds
// [Conversations], and has something to [Download]. It says its host's name in each answer.
type Backend struct{ *helper }

// StartBackend starts a backend in n and waits until it serves.
func StartBackend(n *Namespace) (*Backend, error) {
	h, err := startHelper(n, "backend", n.name)
	if err != nil {
		return nil, fmt.Errorf("start backend: %w", err)
	}
	serves := h.lines.Scan() // its one line: it listens, or it ended
	go h.wait(nil)
	if !serves {
		<-h.ended
		return nil, fmt.Errorf("start backend in %s: %w", n.name, errors.Join(errors.New("it ended"), h.err))
	}
	return &Backend{h}, nil
}

// serveBackend is the backend's process.
func serveBackend(name string, out io.Writer, stop <-chan struct{}) error {
	listener, err := net.Listen("tcp", backendAddress)
	if err != nil {
		return err
	}
	fmt.Fprintln(out, "listening")
	server := http.Server{Handler: backend(name), ReadHeaderTimeout: time.Minute}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	select {
	case err := <-ended:
		return err
	case <-stop:
		return nil
	}
}

func backend(name string) http.Handler {
	pages := http.NewServeMux()
	pages.HandleFunc("GET "+echoPath, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Connection", "Upgrade")
		w.Header().Set("Upgrade", echoProtocol)
		w.Header().Set("Server", name)
		w.WriteHeader(http.StatusSwitchingProtocols)
		if conn, early, err := http.NewResponseController(w).Hijack(); err == nil {
			defer conn.Close()
			echo(early, conn) // the client may have spoken already
		}
	})
	pages.HandleFunc("GET "+zerosPath, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Server", name)
		w.Header().Set("Connection", "close")
		chunk := make([]byte, zerosChunk)
		for _, err := w.Write(chunk); err == nil; {
			_, err = w.Write(chunk)
		}
	})
	return pages
}

// echo gives back what it reads, until the other end has enough.
func echo(from io.Reader, conn net.Conn) {
	message := make([]byte, numberLen)
	for {
		if _, err := io.ReadFull(from, message); err != nil {
			return
		}
		if _, err := conn.Write(message); err != nil {
			return
		}
	}
}

// ask asks for a page of a backend over a new connection, and returns the connection, what
// was read of it already, and the name of the host that answered.
func ask(server, path, header string, status int) (net.Conn, *bufio.Reader, string, error) {
	conn, err := net.DialTimeout("tcp", server, startTimeout)
	if err != nil {
		return nil, nil, "", err
	}
	conn.SetDeadline(time.Now().Add(startTimeout))
	_, err = fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: %s\r\n%s\r\n", path, server, header)
	reader := bufio.NewReaderSize(conn, maxLine)
	var response *http.Response
	if err == nil {
		response, err = http.ReadResponse(reader, nil)
	}
	if err == nil && response.StatusCode != status {
		err = fmt.Errorf("status %s", response.Status)
	}
	if err != nil {
		return nil, nil, "", errors.Join(err, conn.Close())
	}
	conn.SetDeadline(time.Time{})
	return conn, reader, response.Header.Get("Server"), nil
}
