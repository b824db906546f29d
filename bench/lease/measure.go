// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"vipd/integration/lab"
)

const (
	patience = 30 * time.Second       // for vipd to hold all addresses
	pace     = 100 * time.Millisecond // at which is looked whether it does
)

// result is what was measured in a row.
type result struct {
	renewals
	cpu      time.Duration // used by vipd, in a second
	apart    time.Duration // the longest time between two adverts
	late     time.Duration // that vipd's loop woke at most, since its start
	measured bool
}

// measure runs vipd with a setting and looks at it for a span.
func measure(vipd string, s setting, span time.Duration) (r result, err error) {
	site, err := lab.NewSite()
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, site.Close()) }()
	rec, err := startRecord(site.LB1.Namespace)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, rec.stop()) }()
	capture, err := lab.StartCapture(site.LB1.Namespace, lab.Interface)
	if err != nil {
		return r, err
	}
	defer capture.Close()
	v, err := startVipd(site.LB1, vipd, s)
	if err != nil {
		return r, err
	}
	stop, err := s.load.start()
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, stop()) }()
	return look(v, rec, capture, span)
}

// startVipd waits until vipd holds its addresses.
func startVipd(host *lab.Host, binary string, s setting) (*lab.Vipd, error) {
	config := filepath.Join(host.Dir, "vipd.yaml")
	if err := os.WriteFile(config, []byte(s.config(filepath.Join(host.Dir, "vipd.sock"))), 0o600); err != nil {
		return nil, err
	}
	v, err := lab.StartVipd(host.Namespace, binary, config, filepath.Join(host.Dir, "vipd.log"))
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for {
		if status, err := ask(v); err == nil && len(status.Routers) == 1 && status.Routers[0].Counters.Announced > 0 {
			return v, nil
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("vipd does not hold its addresses after %v; its log ends with:\n%s", patience, v.LogTail())
		case <-time.After(pace):
		}
	}
}

// status is what is read of vipd's.
type status struct {
	Routers []struct {
		Counters struct {
			Announced int // how often: the addresses are there before that
		}
	}
	Loop struct {
		MaxLate string `json:"max_late"`
	}
}

func ask(v *lab.Vipd) (s status, err error) {
	text, err := v.Status()
	if err != nil {
		return s, err
	}
	return s, json.Unmarshal(text, &s)
}

// look measures for a span.
func look(v *lab.Vipd, rec *record, capture *lab.Capture, span time.Duration) (r result, err error) {
	from := time.Now()
	before, err := v.Usage()
	if err != nil {
		return r, err
	}
	time.Sleep(span)
	after, err := v.Usage()
	if err != nil {
		return r, err
	}
	to := time.Now()
	r.cpu = time.Duration(float64(after.CPU-before.CPU) / to.Sub(from).Seconds())
	all := rec.between(from, to)
	if len(all) == 0 {
		return r, fmt.Errorf("nothing was renewed; the log of vipd ends with:\n%s", v.LogTail())
	}
	r.renewals = judge(all, stampOf(all, to))
	r.apart = widest(adverts(capture, from, to))
	state, err := ask(v)
	if err != nil {
		return r, err
	}
	r.late, err = time.ParseDuration(state.Loop.MaxLate)
	r.measured = err == nil
	return r, err
}

// stampOf is the tick at a moment, as the last news had one at its own.
func stampOf(all []news, at time.Time) uint32 {
	last := all[len(all)-1]
	return last.stamp + uint32(max(0, at.Sub(last.at))/tick)
}

// adverts are the times at which adverts were sent.
func adverts(c *lab.Capture, from, to time.Time) (times []time.Time) {
	for _, p := range c.Packets() {
		if p.Sent && p.Kind == lab.Advert && p.Time.After(from) && p.Time.Before(to) {
			times = append(times, p.Time)
		}
	}
	return times
}
