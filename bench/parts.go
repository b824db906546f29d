// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"

	"vipd/bench/figure"
	"vipd/bench/outage"
	"vipd/bench/scale"
	"vipd/bench/steady"
)

// part measures what is wanted, and adds each figure.
type part func(ctx context.Context, r figure.Run, add func(figure.Figure)) error

// parts are all, in the order in which they are measured.
func parts() []part {
	return []part{outage.Run, scale.Run, steady.Run}
}
