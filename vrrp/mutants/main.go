// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "mutants:", err)
		os.Exit(1)
	}
}

// run tries all mutants. What the tests say of each is printed in the list's order.
func run(ctx context.Context, only []string) (err error) {
	mutants, err := list(only)
	if err != nil {
		return err
	}
	b, err := newBench(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.close()) }()
	if failed, out, err := b.test(ctx); err != nil || failed {
		return errors.Join(err, fmt.Errorf("the tests fail before anything is broken:\n%s", out))
	}
	start := time.Now()
	survived, wrong := 0, 0
	verdicts := tryAll(ctx, b, mutants)
	for i, m := range mutants {
		switch v := <-verdicts[i]; {
		case v.err == nil:
			fmt.Printf("noticed   %-95s %s\n", m, v.test)
		case errors.Is(v.err, errSurvived):
			survived++
			fmt.Printf("SURVIVED  %s\n", m)
		default:
			wrong++
			fmt.Printf("ERROR     %s: %v\n", m, v.err)
		}
	}
	fmt.Printf("%d mutants in %v: %d survived, %d are wrong\n", len(mutants), time.Since(start).Round(time.Second), survived, wrong)
	if survived+wrong > 0 {
		return errors.New("a broken rule that no test notices needs a test; a mutant that is wrong, a correction")
	}
	return nil
}

// verdict is what the tests say of a mutant: the one that noticed it, or an error.
type verdict struct {
	test string
	err  error
}

// tryAll tries the mutants, as many at once as there are processors. Each has its
// own channel.
func tryAll(ctx context.Context, b *bench, mutants []mutant) []chan verdict {
	verdicts := make([]chan verdict, len(mutants))
	for i := range verdicts {
		verdicts[i] = make(chan verdict, 1)
	}
	next := make(chan int, len(mutants))
	for i := range mutants {
		next <- i
	}
	close(next)
	for range runtime.GOMAXPROCS(0) {
		go func() {
			for i := range next {
				test, err := b.try(ctx, mutants[i])
				verdicts[i] <- verdict{test, err}
			}
		}()
	}
	return verdicts
}
