// SPDX-License-Identifier: Apache-2.0

//go:build linux

package tests

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

// awaitSleep waits until a thread of this process sleeps in the system call
// nr with the given first argument; zero stands for any. The thread's state
// alone would not do: Go's scheduler sleeps too.
func awaitSleep(t *testing.T, tid int, nr, arg uintptr) {
	t.Helper()
	want := fmt.Sprintf("%d 0x", nr)
	if arg != 0 {
		want = fmt.Sprintf("%d %#x ", nr, arg)
	}
	for range 2000 {
		b, err := os.ReadFile(fmt.Sprintf("/proc/self/task/%d/syscall", tid))
		must(t, err)
		if strings.HasPrefix(string(b), want) {
			return
		}
		time.Sleep(time.Millisecond)
	}
	t.Fatalf("thread %d does not go to sleep", tid)
}
