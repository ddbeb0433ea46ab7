// SPDX-License-Identifier: Apache-2.0

package dmasan

import (
	"fmt"
	"io"
)

// Finish tells how often each finding occurred. It is to be called once, when the
// run is over.
func (s *Sanitizer) Finish() {
	for _, r := range s.reports {
		if r.Count == 1 {
			continue
		}
		if s.cfg.Text != nil {
			_, _ = fmt.Fprintf(s.cfg.Text, "vdev: %d times: %s\n", r.Count, r.Title())
		}
		if s.cfg.JSON != nil {
			_, _ = s.cfg.JSON.Write(jsonText(jsonCount{"count", r.ID, r.Count}))
		}
	}
	if s.cfg.Text != nil && s.errors > 0 {
		_, _ = io.WriteString(s.cfg.Text, fmt.Sprintf("vdev: %s\n", count(s.errors, "different DMA error")))
	}
}
