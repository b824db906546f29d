// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"github.com/mdlayher/packet"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"vipd/integration/lab"
)

// The test binary itself stands in for vipd. The two stand-ins talk through files,
// because what is tested here is the demo.
const (
	standInEnv  = "VIPD_DEMO_TEST_STANDIN"
	good        = "good"
	slow        = "slow"        // lb2 takes over late
	greedy      = "greedy"      // lb2 never gives the address up
	indifferent = "indifferent" // lb1 doesn't care whether anybody serves
	broken      = "broken"      // ends at its start

	overlap  = 50 * time.Millisecond // for which both have the address in a planned move
	lateness = 200 * time.Millisecond
)

// standIn is `vipd run --config FILE` or `vipd status --json --config FILE`.
func standIn(manner string) {
	file := os.Args[slices.Index(os.Args, "--config")+1]
	d := &dummy{manner: manner, dir: filepath.Dir(file), stop: make(chan os.Signal, 1)}
	d.name, d.shared = filepath.Base(d.dir), filepath.Dir(d.dir)
	if os.Args[1] == "status" {
		text, err := os.ReadFile(d.statusFile())
		fmt.Printf("%s", text)
		exit(err)
	}
	if manner == broken {
		exit(errors.New("this one does not start"))
	}
	signal.Notify(d.stop, syscall.SIGTERM)
	exit(d.run())
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

type dummy struct {
	manner, name, dir, shared string
	stop                      chan os.Signal

	owns  bool
	since time.Time // when it began to want what it has not done yet
}

func (d *dummy) statusFile() string { return filepath.Join(d.dir, "status.json") }

// ableFile says to the other that a node can serve.
func (d *dummy) ableFile(node string) string { return filepath.Join(d.shared, node+".able") }

func (d *dummy) run() error {
	for {
		select {
		case <-d.stop:
			os.Remove(d.ableFile(d.name))
			time.Sleep(overlap)
			os.Remove(d.statusFile())
			return d.own(false)
		case <-time.After(2 * time.Millisecond):
		}
		if err := d.turn(); err != nil {
			return err
		}
	}
}

// turn looks at the world once.
func (d *dummy) turn() error {
	link, err := net.InterfaceByName(lab.Interface)
	if err != nil {
		return err
	}
	cable := link.Flags&net.FlagRunning != 0
	web := serves(filepath.Join(d.dir, "haproxy.sock"))
	able := cable && (web || d.manner == indifferent)
	want := able
	if d.name == "lb2" {
		_, err := os.Stat(d.ableFile("lb1"))
		want = (able && err != nil) || (d.owns && d.manner == greedy)
	}
	if able {
		err = os.WriteFile(d.ableFile(d.name), nil, 0o600)
	} else {
		err = os.RemoveAll(d.ableFile(d.name))
	}
	if err != nil || !d.due(want) {
		return err
	}
	return errors.Join(d.own(want), d.say(web))
}

// due delays a change: the one who gives up does it after the other has taken over.
func (d *dummy) due(want bool) bool {
	if want == d.owns {
		d.since = time.Now()
	}
	delay := overlap
	if want {
		delay = 0
	}
	if want && d.name == "lb2" && d.manner == slow {
		delay = lateness
	}
	return time.Since(d.since) >= delay || want == d.owns
}

func (d *dummy) say(web bool) error {
	state := map[bool]string{true: "active", false: "backup"}[d.owns]
	verdict := map[bool]string{true: "pass", false: "fail"}[web]
	text := fmt.Sprintf(`{"routers":[{"state":%q}],"checks":[{"verdict":%q}]}`, state, verdict)
	if err := os.WriteFile(d.statusFile()+".new", []byte(text), 0o600); err != nil {
		return err
	}
	return os.Rename(d.statusFile()+".new", d.statusFile())
}

// own adds the VIP and announces it, or removes it.
func (d *dummy) own(want bool) error {
	if want == d.owns {
		return nil
	}
	handle, err := netlink.NewHandle(unix.NETLINK_ROUTE)
	if err != nil {
		return err
	}
	defer handle.Close()
	link, err := handle.LinkByName(lab.Interface)
	if err != nil {
		return err
	}
	address, err := netlink.ParseAddr(vip.Addr().String() + "/32")
	if err != nil {
		return err
	}
	d.owns = want
	if !want {
		return handle.AddrDel(link, address)
	}
	return errors.Join(handle.AddrAdd(link, address), announce())
}

func announce() error {
	link, err := net.InterfaceByName(lab.Interface)
	if err != nil {
		return err
	}
	conn, err := packet.Listen(link, packet.Raw, unix.ETH_P_ARP, nil)
	if err != nil {
		return err
	}
	defer conn.Close()
	everybody := net.HardwareAddr{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}
	address := vip.Addr().AsSlice()
	var b []byte
	b = append(append(b, everybody...), link.HardwareAddr...)
	b = append(b, 0x08, 0x06, 0, 1, 0x08, 0, 6, 4, 0, 1)
	b = append(append(b, link.HardwareAddr...), address...)
	b = append(append(b, make([]byte, 6)...), address...)
	_, err = conn.WriteTo(b, &packet.Addr{HardwareAddr: everybody})
	return err
}

func serves(socket string) bool {
	conn, err := net.Dial("unix", socket)
	if err != nil {
		return false
	}
	conn.Close()
	return true
}
