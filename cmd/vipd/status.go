// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"vipd/api"
	"vipd/daemon"
)

func statusCommand() *cobra.Command {
	var t target
	var asJSON bool
	command := &cobra.Command{
		Use:   "status",
		Short: "Show what the running daemon does, and why",
		Args:  arguments(0, 0),
		RunE: func(c *cobra.Command, _ []string) error {
			socket, err := t.path(c)
			if err != nil {
				return err
			}
			status, text, err := api.Status(c.Context(), socket)
			if err != nil {
				return err
			}
			if asJSON {
				_, err = c.OutOrStdout().Write(text)
			} else {
				printStatus(c.OutOrStdout(), status, time.Now())
			}
			return errors.Join(err, healthy(status))
		},
	}
	t.flags(command)
	command.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return command
}

// healthy is the exit code: every router runs.
func healthy(s daemon.Status) error {
	if s.Maintenance != nil {
		return errNo
	}
	for _, r := range s.Routers {
		if len(r.Blocked) > 0 {
			return errNo
		}
	}
	return nil
}

func printStatus(w io.Writer, s daemon.Status, now time.Time) {
	fmt.Fprintf(w, "node %s, vipd %s, running for %s\n", s.Node, s.Version, age(s.Started, now))
	if m := s.Maintenance; m != nil {
		fmt.Fprintf(w, "in maintenance since %s%s\n", m.Since.Local().Format(time.DateTime), because(m.Reason))
	}
	fmt.Fprintln(w)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "ROUTER\tFAMILY\tSTATE\tSINCE\tREASON\tPRIORITY\tINTERFACE\tVRID\tADDRESSES")
	for _, r := range s.Routers {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%d\t%s\n", r.Name, r.Family, stateWord(r), age(r.Since, now),
			reasonWords(r), priorityWord(r), r.Interface, r.VRID, join(r.Addresses))
	}
	t.Flush()
	if len(s.Checks) > 0 {
		fmt.Fprintln(w)
		fmt.Fprintln(t, "CHECK\tVERDICT\tSINCE\tTOOK\tDETAIL")
		for _, c := range s.Checks {
			fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\n", c.Name, verdictWord(c), age(c.Since, now), c.Took, cut(c.Detail))
		}
		t.Flush()
	}
	printRemarks(w, s, now)
}

// printRemarks prints what is not as it should be, and whom the Backups follow.
func printRemarks(w io.Writer, s daemon.Status, now time.Time) {
	lines := groupLines(s.Routers)
	for _, r := range s.Routers {
		for _, remark := range remarks(r, now) {
			lines = append(lines, r.Name+" "+r.Family+": "+remark)
		}
	}
	lines = append(lines, counted(s.Loop.Rejected, "adverts refused")...)
	if last := s.Reload; last != nil && !last.OK {
		lines = append(lines, fmt.Sprintf("the reload of %s ago failed, everything stayed as it was: %s", age(last.At, now), last.Error))
	} else if last != nil {
		lines = append(lines, fmt.Sprintf("reloaded %s ago, changes: %d", age(last.At, now), last.Changes))
	}
	if dropped := s.Loop.Dropped + s.Loop.Overrun; dropped > 0 {
		lines = append(lines, fmt.Sprintf("%d packets were dropped: they came faster than the daemon could take them", dropped))
	}
	if s.Loop.Late > 0 {
		lines = append(lines, fmt.Sprintf("the daemon woke late %d times, by up to %s", s.Loop.Late, s.Loop.MaxLate))
	}
	if s.Loop.Problem != "" {
		lines = append(lines, "the daemon may be late on a busy host: "+s.Loop.Problem)
	}
	if len(lines) > 0 {
		fmt.Fprintln(w, "\n"+strings.Join(lines, "\n"))
	}
}

// groupLines say which routers move together.
func groupLines(routers []daemon.RouterStatus) []string {
	members := map[string][]string{}
	for _, r := range routers {
		if r.Group != "" && !slices.Contains(members[r.Group], r.Name) {
			members[r.Group] = append(members[r.Group], r.Name)
		}
	}
	var lines []string
	for _, group := range slices.Sorted(maps.Keys(members)) {
		lines = append(lines, "group "+group+" moves together: "+strings.Join(members[group], ", "))
	}
	return lines
}

// remarks are what there is to say about one router.
func remarks(r daemon.RouterStatus, now time.Time) []string {
	var lines []string
	if r.Active != nil {
		lines = append(lines, fmt.Sprintf("the Active is %v with priority %d, heard %s ago%s",
			r.Active.Source, r.Active.Priority, age(r.Active.Heard, now), hostWords(r.Active.Host, now)))
		if r.Active.Outranks != "" {
			lines = append(lines, r.Active.Outranks)
		}
	}
	lines = append(lines, drainWords(r, now)...)
	if r.Resigned {
		lines = append(lines, "has resigned: it does not preempt; `vipd resign --undo "+r.Name+"` ends that")
	}
	if r.Problem != "" {
		lines = append(lines, r.Problem)
	}
	if r.DeletedByOthers != "" {
		lines = append(lines, r.DeletedByOthers)
	}
	if r.Failing != "" {
		lines = append(lines, failingWords(r))
	}
	if len(r.Outside) > 0 {
		lines = append(lines, fmt.Sprintf("in none of the networks of %s: %s", r.Interface, join(r.Outside)))
	}
	lines = append(lines, counted(r.Rejected, "adverts refused")...)
	return append(lines, counted(r.Noticed, "adverts of a router that is configured differently")...)
}

// drainWords say which connections live on, and where.
func drainWords(r daemon.RouterStatus, now time.Time) []string {
	var lines []string
	if s := r.Draining; s != nil {
		line := fmt.Sprintf("draining for %s at most", s.Ends.Sub(now).Round(time.Second))
		if s.Connections != nil {
			line += fmt.Sprintf("; connections left: %d", *s.Connections)
		}
		lines = append(lines, line+because(s.Problem))
	}
	if s := r.Passing; s != nil {
		line := fmt.Sprintf("passes segments of the other node's connections on to %v: %d so far", s.To, s.Passed)
		if s.Limited > 0 {
			line += fmt.Sprintf(", %d dropped over the limit", s.Limited)
		}
		lines = append(lines, line+because(s.Problem))
	}
	return lines
}

// failingWords say what comes of what fails.
func failingWords(r daemon.RouterStatus) string {
	if slices.Contains(r.Blocked, "check-failed") {
		return "may not run because of " + r.Failing
	}
	return fmt.Sprintf("priority %d instead of %d because of %s", r.Priority, r.ConfiguredPriority, r.Failing)
}

// hostWords say what is known of the Active's host.
func hostWords(h *daemon.HostStatus, now time.Time) string {
	switch {
	case h == nil:
		return ""
	case h.State == "unproven" && h.Answered.IsZero():
		return "; its host has never answered, so its silence says nothing"
	case h.State == "unproven":
		return fmt.Sprintf("; its host has not answered for %s, so its silence says nothing", age(h.Answered, now))
	case h.State == "answers":
		return "; its host answers"
	}
	return fmt.Sprintf("; its host is %s, for %s", h.State, age(h.Since, now))
}

// because is a reason as the end of a sentence.
func because(reason string) string {
	if reason == "" {
		return ""
	}
	return ": " + reason
}

// counted says how many of something there were, by reason.
func counted(counts map[string]uint64, what string) []string {
	var lines []string
	for _, reason := range slices.Sorted(maps.Keys(counts)) {
		lines = append(lines, fmt.Sprintf("%d %s: %s", counts[reason], what, reason))
	}
	return lines
}

func stateWord(r daemon.RouterStatus) string {
	state := r.State
	if len(r.Blocked) > 0 {
		state = "fault"
	}
	if slices.Contains(r.Blocked, "maintenance") {
		state = "maintenance"
	}
	if r.Phase != "" {
		state += " (" + r.Phase + ")"
	}
	return state
}

func reasonWords(r daemon.RouterStatus) string {
	if len(r.Blocked) > 0 {
		return strings.Join(r.Blocked, ",")
	}
	return r.Reason
}

func priorityWord(r daemon.RouterStatus) string {
	if r.Priority == r.ConfiguredPriority {
		return fmt.Sprint(r.Priority)
	}
	return fmt.Sprintf("%d of %d", r.Priority, r.ConfiguredPriority)
}

// cut is the beginning of a long detail: the JSON has all of it.
func cut(detail string) string {
	const most = 120
	if characters := []rune(detail); len(characters) > most {
		return string(characters[:most-1]) + "…"
	}
	return detail
}

// verdictWord is a check's verdict, and why, if it is not for what the last probes found.
func verdictWord(c daemon.CheckStatus) string {
	if c.State == c.Verdict {
		return c.Verdict
	}
	return fmt.Sprintf("%s (%s)", c.Verdict, c.State)
}

func join(prefixes []netip.Prefix) string {
	words := make([]string, len(prefixes))
	for i, p := range prefixes {
		words[i] = p.String()
	}
	return strings.Join(words, " ")
}

// age is how long ago something was, in a few characters.
func age(t, now time.Time) string {
	d := now.Sub(t)
	switch {
	case d < 0:
		return "0s"
	case d < 10*time.Second:
		return d.Round(100 * time.Millisecond).String()
	case d < 48*time.Hour:
		return d.Round(time.Second).String()
	}
	return fmt.Sprintf("%dd", int(d/(24*time.Hour)))
}
