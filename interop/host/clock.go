// Package host is what a node's process stands on, the same as under src/node: configuration in, events out, a control
// socket, a ledger of blocks, watched TCP sockets. Nothing in it knows the consensus.
package host

import (
	"time"

	"golang.org/x/sys/unix"
)

// Now is CLOCK_MONOTONIC in microseconds: the clock of every event on this kernel.
func Now() int64 {
	var at unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &at); err != nil {
		panic("Read CLOCK_MONOTONIC: " + err.Error())
	}
	return at.Nano() / int64(time.Microsecond)
}
