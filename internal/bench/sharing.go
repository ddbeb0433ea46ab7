// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"strconv"
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
