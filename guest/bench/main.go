// SPDX-License-Identifier: Apache-2.0

// Bench runs one workload and says how long it took:
//
//	bench [-work N] [-list] WORKLOAD
//
// prints "WORKLOAD work N UNIT, T s, checksum C". The work is the same on
// every machine for the same N, and so is the checksum; only the time
// differs. Without -work a run has some 10^8 to 10^9 instructions.
package main

import (
	"flag"
	"fmt"
	"os"
	"time"
)

// workload is one benchmark.
type workload struct {
	name string
	unit string // what one unit of work is
	work int    // units by default
	run  func(work int) uint64
}

// workloads lists the benchmarks.
func workloads() []workload {
	return []workload{
		{"loop", "million steps of a dependent integer loop", 100, loop},
		{"core", "iterations of list, matrix, state machine and CRC", 1000, core},
		{"memcpy", "MiB copied in blocks of 16 bytes to 1 MiB", 1000, memcpy},
		{"nbody", "thousand steps of five bodies", 200, nbody},
		{"mandel", "rows of a 256-point-wide Mandelbrot set", 1000, mandel},
		{"linpack", "solutions of 100 linear equations", 500, linpack},
		{"sha256", "MiB hashed", 8, hash},
		{"gzip", "MiB compressed and expanded", 2, gz},
		{"copyplain", "MiB copied between ordinary pages", 4000, copyPlain},
		{"copytracked", "MiB copied between pages that a device has used", 4000, copyTracked},
		{"flips", "flips between two pictures of the display's size", 60, flips},
		{"emptyioctls", "requests that the driver of shared buffers refuses", 100000, emptyIoctls},
		{"prepfini", "round trips of CPU_PREP and CPU_FINI", 20000, prepFini},
	}
}

func main() {
	work := flag.Int("work", 0, "units of work; 0 means the workload's own number")
	list := flag.Bool("list", false, "list the workloads")
	flag.Parse()
	if *list {
		for _, w := range workloads() {
			fmt.Printf("%-8s %6d %s\n", w.name, w.work, w.unit)
		}
		return
	}
	for _, w := range workloads() {
		if flag.NArg() != 1 || w.name != flag.Arg(0) {
			continue
		}
		n := *work
		if n <= 0 {
			n = w.work
		}
		start := time.Now()
		sum := w.run(n)
		fmt.Printf("%s work %d %s, %.3f s, checksum %016x\n", w.name, n, w.unit, time.Since(start).Seconds(), sum)
		return
	}
	fmt.Fprintln(os.Stderr, "usage: bench [-work N] WORKLOAD; bench -list names the workloads")
	os.Exit(2)
}
