// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"syscall"

	"vipd/integration/lab"
)

// event is how something goes wrong with a node, and how it is mended.
type event struct {
	do, undo func(ctx context.Context, n, other *node) error
	pair     bool // it hits another node, too
}

// events are those of all kinds, on a stage.
func events(s *stage) map[kind]event {
	return map[kind]event{
		killed:     {do: kill, undo: restart},
		crashed:    {do: kill, undo: restart},
		stopped:    {do: func(_ context.Context, n, _ *node) error { return n.vipd.Stop() }, undo: restart},
		handedOff:  {do: command("handoff"), undo: restart},
		maintained: {do: command("maintenance", "on"), undo: command("maintenance", "off")},
		resigned:   {do: resign, undo: resignNot},
		frozen:     {do: send(syscall.SIGSTOP), undo: send(syscall.SIGCONT)},
		webKilled: {
			do:   func(_ context.Context, n, _ *node) error { return n.web.Kill() },
			undo: func(_ context.Context, n, _ *node) error { return n.web.Restart() },
		},
		pulled: {
			do:   func(_ context.Context, n, _ *node) error { return n.host.Cable.Pull() },
			undo: func(_ context.Context, n, _ *node) error { return n.host.Cable.Restore() },
		},
		linkDown: {
			do:   func(_ context.Context, n, _ *node) error { return n.setLink(false) },
			undo: func(_ context.Context, n, _ *node) error { return n.setLink(true) },
		},
		cut: {
			do:   func(_ context.Context, n, _ *node) error { return n.host.Cable.Cut(true) },
			undo: func(_ context.Context, n, _ *node) error { return n.host.Cable.Cut(false) },
		},
		split:      {do: isolate(true), undo: isolate(false), pair: true},
		deaf:       lose(lab.Loss{}),
		refused:    lose(lab.Loss{Sent: true}),
		lossy:      lose(lab.Loss{Percent: 50}),
		mute:       unheard(s),
		deleted:    {do: func(_ context.Context, n, _ *node) error { return n.deleteVIP() }, undo: nothing},
		badFile:    {do: reloadBadFile, undo: reloadGoodFile},
		moreVIPs:   {do: reloadMoreVIPs, undo: reloadGoodFile},
		deprecated: {do: reloadLowered, undo: reloadGoodFile},
	}
}

func nothing(context.Context, *node, *node) error { return nil }

func kill(_ context.Context, n, _ *node) error { return n.vipd.Kill() }

// restart is what the supervisor does.
func restart(_ context.Context, n, _ *node) error { return n.vipd.Restart() }

// command is a command of vipd. Its no is an answer: nobody may be there to take over.
func command(args ...string) func(context.Context, *node, *node) error {
	return func(ctx context.Context, n, _ *node) error {
		if err := n.command(ctx, args...); !no(err) {
			return err
		}
		return nil
	}
}

// resign is refused by a node that is not Active.
func resign(ctx context.Context, n, other *node) error {
	return command("resign", "web")(ctx, n, other)
}

func resignNot(ctx context.Context, n, other *node) error {
	return command("resign", "--undo", "web")(ctx, n, other)
}

func send(which syscall.Signal) func(context.Context, *node, *node) error {
	return func(_ context.Context, n, _ *node) error { return n.vipd.Signal(which) }
}

// isolate keeps two nodes from reaching one another. The client and the third node
// reach both.
func isolate(isolated bool) func(context.Context, *node, *node) error {
	return func(_ context.Context, n, other *node) error {
		return errors.Join(n.host.Cable.Isolate(isolated), other.host.Cable.Isolate(isolated))
	}
}

// lose is a loss of adverts on the node.
func lose(l lab.Loss) event {
	return event{
		do:   func(_ context.Context, n, _ *node) error { return n.host.LoseAdverts(l) },
		undo: func(_ context.Context, n, _ *node) error { return n.host.KeepAdverts() },
	}
}

// unheard keeps the adverts of a node from all others, and nobody tells it. Another
// loss on these ends with it.
func unheard(s *stage) event {
	others := func(do func(n, other *node) error) func(context.Context, *node, *node) error {
		return func(_ context.Context, n, _ *node) error {
			var errs []error
			for _, other := range s.nodes {
				if other != n {
					errs = append(errs, do(n, other))
				}
			}
			return errors.Join(errs...)
		}
	}
	return event{
		do: others(func(n, other *node) error {
			link, err := n.link()
			if err != nil {
				return err
			}
			return other.host.LoseAdverts(lab.Loss{From: link.Attrs().HardwareAddr})
		}),
		undo: others(func(_, other *node) error { return other.host.KeepAdverts() }),
	}
}

func reloadBadFile(ctx context.Context, n, _ *node) error {
	err := n.reload(ctx, n.config(n.priority, "")+"nonsense: true\n")
	switch {
	case err == nil:
		return fmt.Errorf("%s has reloaded a file that is not valid", n.name())
	case no(err):
		return nil
	}
	return err
}

func reloadGoodFile(ctx context.Context, n, _ *node) error {
	return n.reload(ctx, n.config(n.priority, ""))
}

func reloadMoreVIPs(ctx context.Context, n, _ *node) error {
	return n.reload(ctx, n.config(n.priority, `, 192.0.2.101/24, "2001:db8::101/64"`))
}

func reloadLowered(ctx context.Context, n, _ *node) error {
	return n.reload(ctx, n.config(lowered, ""))
}
