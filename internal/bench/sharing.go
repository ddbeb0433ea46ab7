// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"os/exec"
	"strconv"
	"strings"
)

// sharing measures a round trip of CPU_PREP and CPU_FINI next to a request that does
// nothing, in instructions of the guest, which are the same every time. Maintenance of
// caches is the unit's and takes none.
func (b *bench) sharing() error {
	const few, many = 1000, 5000 // their difference leaves boot and start out
	var each [2]float64
	for i, workload := range []string{"emptyioctls", "prepfini"} {
		var retired [2]uint64
		for k, n := range []int{few, many} {
			r, err := b.execVdev(b.path, "-work", strconv.Itoa(n), workload)
			if err != nil {
				return err
			}
			retired[k] = r.retired
		}
		each[i] = float64(retired[1]-retired[0]) / (many - few)
	}
	fmt.Printf("CPU_PREP and CPU_FINI: %.0f instructions, an empty ioctl: %.0f: %.2f times\n", each[1], each[0], each[1]/each[0])
	return nil
}

// core has the dma-buf core by itself measured: locks of four buffers, CPU_PREP with
// CPU_FINI, and what a lock costs next to ever more buffers and tasks.
func (b *bench) core() error {
	out, err := exec.Command("go", "test", "-run", "^$", "-bench", "^Benchmark(Lock|Prep|Crowd)$", "-count", strconv.Itoa(b.runs), "./dmabuf").CombinedOutput()
	if err != nil {
		return fmt.Errorf("%w\n%s", err, out)
	}
	var names []string
	ns := map[string][]float64{}
	for line := range strings.Lines(string(out)) {
		f := strings.Fields(line)
		if len(f) < 4 || f[3] != "ns/op" {
			continue
		}
		v, err := strconv.ParseFloat(f[2], 64)
		if err != nil {
			return fmt.Errorf("%q: %w", line, err)
		}
		if ns[f[0]] == nil {
			names = append(names, f[0])
		}
		ns[f[0]] = append(ns[f[0]], v)
	}
	for _, name := range names {
		fmt.Printf("dma-buf core, %s: %.0f ns\n", name, median(ns[name]))
	}
	return nil
}
