// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"strconv"
	"time"
)

// display measures flips of full pictures, one at each vsync, in processor time per
// time of the guest: the difference of two runs, so that booting does not count.
func (b *bench) display() error {
	const hz, few, many = 60, 30, 330
	var factors []float64
	for range b.runs {
		var cpu [2]time.Duration
		for i, n := range []int{few, many} {
			r, err := b.execVdev("--panel", fmt.Sprintf("1920x1080@%d", hz), b.path, "-work", strconv.Itoa(n), "flips")
			if err != nil {
				return err
			}
			cpu[i] = r.cpu
		}
		guest := time.Second * (many - few) / hz
		factors = append(factors, guest.Seconds()/(cpu[1]-cpu[0]).Seconds())
	}
	fmt.Printf("1920x1080, a flip at each vsync, %d Hz: %.1f times real time\n", hz, median(factors))
	return nil
}
