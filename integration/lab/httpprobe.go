// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// HTTPPeriod is how often an HTTP probe asks, unless it is told another period: no outage
// can be measured as shorter.
const HTTPPeriod = 5 * time.Millisecond

const (
	httpTimeout = time.Second
	// maxInFlight bounds the requests under way: twice what a silent server holds.
	maxInFlight = 400
	// maxName bounds a server's name, in bytes.
	maxName = 64
)

// probeHTTP is the HTTP probe's process. Its argument is the server and the period.
func probeHTTP(arg string, out *sampleWriter, stop <-chan struct{}) error {
	server, word, _ := strings.Cut(arg, " ")
	period, err := time.ParseDuration(word)
	if err != nil {
		return err
	}
	var requests sync.WaitGroup
	defer requests.Wait()
	slots := make(chan struct{}, maxInFlight)
	return pace(period, stop, func() {
		select {
		case slots <- struct{}{}:
			requests.Go(func() {
				out.write(request(server))
				<-slots
			})
		default:
			out.write(Sample{Start: time.Now()})
		}
	})
}

func request(server string) Sample {
	start := time.Now()
	name, err := fetch(server, start.Add(httpTimeout))
	return Sample{Start: start, Duration: time.Since(start), OK: err == nil, Server: name}
}

// fetch asks the server for its page over a new connection.
func fetch(server string, deadline time.Time) (string, error) {
	dialer := net.Dialer{Deadline: deadline}
	conn, err := dialer.Dial("tcp", server)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	conn.SetDeadline(deadline)
	if _, err := fmt.Fprintf(conn, "GET / HTTP/1.0\r\nHost: %s\r\n\r\n", server); err != nil {
		return "", err
	}
	response, err := http.ReadResponse(bufio.NewReaderSize(io.LimitReader(conn, maxLine), maxLine), nil)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return "", fmt.Errorf("status %s", response.Status)
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, maxName))
	return string(body), err
}
