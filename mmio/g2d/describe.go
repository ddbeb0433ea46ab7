// SPDX-License-Identifier: Apache-2.0

package g2d

import (
	"fmt"

	"vdev/mmio"
)

var _ mmio.JobDescriber = (*G2D)(nil)

// Job is what the engine does at this moment: "blend 640x480 to 0x80001000, pair 17 of
// the list at 0x80000000". Sizes are those of the destination rectangle, addresses bus
// addresses: of the destination image, and of a command list.
func (d *G2D) Job() string {
	e := &d.e
	switch e.Phase {
	case phaseFetch:
		return fmt.Sprintf("command list at %#x", e.List)
	case phaseGate:
		if len(e.Params) == 0 {
			return fmt.Sprintf("command list at %#x", e.List)
		}
		return d.describe()
	case phaseBlit:
		return d.describe()
	}
	return ""
}

// describe is the bitblt under way.
func (d *G2D) describe() string {
	e, j := &d.e, &d.job
	s := fmt.Sprintf("%s %dx%d to %#x", j.verb(), j.rect.w(), j.rect.h(), j.dst.base)
	if e.Lists {
		s += fmt.Sprintf(", pair %d of the list at %#x", e.Pair, e.List)
	}
	return s
}

// verb names the operation.
func (j *job) verb() string {
	switch {
	case j.fill:
		return "fill"
	case j.copy:
		return "copy"
	case j.blend:
		return "blend"
	}
	return "bitblt"
}
