// SPDX-License-Identifier: Apache-2.0

package dmasan

import (
	"fmt"
	"io"

	"vdev/emu/mem"
)

// Finish tells how often each finding occurred. It is to be called once, when the
// run is over.
func (s *Sanitizer) Finish() {
	if s.cfg.ReportLatent {
		s.unread()
	}
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

// unread reports what devices wrote and nobody invalidated nor read until now: the
// next load would have been wrong.
func (s *Sanitizer) unread() {
	for _, t := range s.pages {
		p := t.Shadow.(*page)
		for i := range p.lines {
			l := &p.lines[i]
			if m := l.dev &^ l.masks().settled; m != 0 && !p.uncached {
				e := &mem.Event{Op: mem.OpCPURead, Page: t, Line: i, Mask: m}
				s.report(CPUReadStale, true, finding{this: l.dma}, e, l, m)
			}
		}
	}
}
