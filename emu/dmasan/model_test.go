// SPDX-License-Identifier: Apache-2.0

package dmasan

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"vdev/emu/mem"
)

// model is the reference for the rules: it keeps everything that ever happened and
// answers each question by looking through all of it, for one byte at a time. It
// has no state to forget to update.
type model struct {
	past []event
}

// event is a step that has happened, with what was said about it.
type event struct {
	step
	task  int
	bytes uint64 // the bytes of the line that it touches
	// What was reported, as bytes of the line: a load told of them; lost bytes told of
	// to a device; bytes thrown away told of.
	told, toldGone, toldThrown uint64
}

// is tells whether the event is on the line and of one of the kinds.
func (e event) is(line int, kinds string) bool {
	return e.line == line && strings.IndexByte(kinds, e.op) >= 0
}

const (
	stores      = "WZ"
	maintenance = "CIF"
	drops       = "IF" // maintenance after which the harts' cache holds nothing
)

// All questions below are about byte b of a line, at time t: just before event t.

// writer is the index of the last event that wrote the byte, or -1.
func (m *model) writer(line, b, t int) int {
	for i := t - 1; i >= 0; i-- {
		if e := m.past[i]; e.is(line, "WZDEw") && e.bytes>>b&1 != 0 {
			return i
		}
	}
	return -1
}

// any tells whether an event of one of the kinds is on the line in (from, to).
func (m *model) any(line, from, to int, kinds string) bool {
	for i := from + 1; i < to; i++ {
		if m.past[i].is(line, kinds) {
			return true
		}
	}
	return false
}

// dirty: a hart stored to the byte, and nobody cleaned or dropped the line since. A
// page that was written before it was tracked is dirty all over, until maintenance.
func (m *model) dirty(line, b, t int) bool {
	for i := t - 1; i >= 0; i-- {
		e := m.past[i]
		if e.is(line, maintenance) {
			return false
		}
		if e.is(line, stores) && e.bytes>>b&1 != 0 {
			return true
		}
	}
	return m.storedBeforeTracking(line)
}

func (m *model) storedBeforeTracking(line int) bool {
	for _, e := range m.past {
		if e.op == '@' || e.op == 'J' || e.page() != line/4 {
			continue
		}
		switch e.op {
		case 'W', 'Z':
			return true
		case 'R':
		case 'w':
			// A non-cacheable store makes the page tracked before it counts as written.
			return false
		default:
			return false
		}
	}
	return false
}

func (m *model) lineDirty(line, t int) bool {
	for b := range mem.LineSize {
		if m.dirty(line, b, t) {
			return true
		}
	}
	return false
}

// recycles tells whether event i is the first store through the cacheable mapping
// to a page that was used through a non-cacheable one.
func (m *model) recycles(i int) bool {
	e := m.past[i]
	if e.op != 'W' && e.op != 'Z' {
		return false
	}
	for j := i - 1; j >= 0; j-- {
		o := m.past[j]
		if o.op == '@' || o.op == 'J' || o.page() != e.page() {
			continue
		}
		switch o.op {
		case 'r', 'w':
			return true
		case 'W', 'Z':
			return false
		}
	}
	return false
}

// settled: since its last writer, the byte was told of or its page recycled.
func (m *model) settled(line, b, t int) bool {
	for i := m.writer(line, b, t) + 1; i < t; i++ {
		e := m.past[i]
		if e.line == line && e.told>>b&1 != 0 || e.op != '@' && e.op != 'J' && e.page() == line/4 && m.recycles(i) {
			return true
		}
	}
	return false
}

// foreign: a bus master or a non-cacheable store wrote the byte last, and the line
// was not dropped since; 0 if not, or the kind of writer. Maintenance makes a
// settled byte forgotten.
func (m *model) foreign(line, b, t int) byte {
	w := m.writer(line, b, t)
	if w < 0 || !m.past[w].is(line, "DEw") || m.any(line, w, t, drops) {
		return 0
	}
	for i := w + 1; i < t; i++ {
		if m.past[i].is(line, "C") && m.settled(line, b, i) {
			return 0
		}
	}
	if m.past[w].op == 'w' {
		return 'w'
	}
	return 'D'
}

// gone: the byte was foreign when a store made its clean line dirty, so that an
// eviction destroys it. Forgotten once told, and by maintenance of a settled byte.
func (m *model) gone(line, b, t int) bool {
	for i := m.writer(line, b, t) + 1; i < t; i++ {
		if m.past[i].is(line, stores) && !m.lineDirty(line, i) && m.foreign(line, b, i) != 0 && m.stays(line, b, i, t) {
			return true
		}
	}
	return false
}

func (m *model) stays(line, b, from, t int) bool {
	for i := from + 1; i < t; i++ {
		e := m.past[i]
		if e.line == line && e.toldGone>>b&1 != 0 || e.is(line, maintenance) && m.settled(line, b, i) {
			return false
		}
	}
	return true
}

// overtaken: a hart's store to the byte does not matter any more, because a device
// wrote it later.
func (m *model) overtaken(line, b, t int) bool {
	return m.foreign(line, b, t) != 0 && !m.settled(line, b, t)
}

// thrown: the line was invalidated with a store to this byte in it.
func (m *model) thrown(line, b, t int) bool {
	for i := m.writer(line, b, t) + 1; i < t; i++ {
		if m.past[i].is(line, "I") && m.dirty(line, b, i) && !m.overtaken(line, b, i) {
			for j := i + 1; ; j++ {
				if j == t {
					return true
				}
				if m.past[j].line == line && m.past[j].toldThrown>>b&1 != 0 {
					break
				}
			}
		}
	}
	return false
}

// fresh: the line was dropped, and no hart used it since, but for uses after a
// device wrote into it.
func (m *model) fresh(line, t int) bool {
	for i := t - 1; i >= 0; i-- {
		e := m.past[i]
		if e.is(line, drops) {
			return true
		}
		if !e.is(line, "RWZ") {
			continue
		}
		foreign := false
		for b := range mem.LineSize {
			foreign = foreign || m.foreign(line, b, i+1) != 0
		}
		if !foreign {
			return false
		}
	}
	return false
}

// last is the last event before t that f accepts, or -1.
func (m *model) last(t int, f func(e event) bool) int {
	for i := t - 1; i >= 0; i-- {
		if f(m.past[i]) {
			return i
		}
	}
	return -1
}

// race: see racesWithOwner.
func (m *model) race(t int) bool {
	e := m.past[t]
	c := m.last(t, func(o event) bool { return o.is(e.line, maintenance) })
	if c < 0 || m.past[c].op == 'I' {
		return false
	}
	job := m.last(t, func(o event) bool { return o.op == 'J' })
	if e.op == 'e' {
		job = -1 // only the first bus master is ever given one
	}
	if d := m.last(t, func(o event) bool { return o.is(e.line, "DdEe") }); d > c {
		sameMaster := (m.past[d].op == 'D' || m.past[d].op == 'd') == (e.op == 'd')
		if sameJob := job >= 0 && d > job; !sameMaster || !sameJob {
			return false
		}
	}
	w := c + 1
	for !m.past[w].is(e.line, stores) {
		w++
	}
	for i := c + 1; i < w; i++ {
		o := m.past[i]
		if o.op == 'J' && e.op == 'd' || o.op == 'w' && m.readBy(e.op, o.page(), i) {
			return true
		}
	}
	return m.past[w].task != m.past[c].task
}

// readBy tells whether the bus master that reads with op has read from the page.
func (m *model) readBy(op byte, page, t int) bool {
	return m.last(t, func(o event) bool { return o.op == op && o.page() == page }) >= 0
}

// add judges the next step and returns the codes of what is wrong with it, once for
// each code and line.
func (m *model) add(s step, task int) []string {
	e := event{step: s, task: task}
	t := len(m.past)
	if s.op != '@' && s.op != 'J' {
		e.bytes = s.mask()
	}
	m.past = append(m.past, e)
	codes := map[string]bool{}
	x := &m.past[t]
	for b := range mem.LineSize {
		if e.bytes>>b&1 == 0 {
			continue
		}
		bit := uint64(1) << b
		switch e.op {
		case 'R', 'r', 'd', 'e':
			if m.thrown(e.line, b, t) {
				codes["invalidate-dirty"] = true
				x.toldThrown |= bit
			}
		}
		switch e.op {
		case 'R':
			foreign, gone := m.foreign(e.line, b, t), m.gone(e.line, b, t)
			if foreign == 0 && !gone || m.settled(e.line, b, t) {
				continue
			}
			x.told |= bit
			switch {
			case gone:
				codes["clobber-by-fill"] = true
			case foreign == 'w':
				codes["alias-mismatch"] = true
			case m.fresh(e.line, t):
				codes["early-invalidate"] = true
			default:
				codes["cpu-read-stale"] = true
			}
		case 'd', 'e':
			if m.dirty(e.line, b, t) && !m.overtaken(e.line, b, t) && !m.race(t) {
				codes["device-read-dirty"] = true
			}
			if m.gone(e.line, b, t) {
				codes["clobber-by-fill"] = true
				x.toldGone |= bit
			}
		case 'r':
			if m.dirty(e.line, b, t) && !m.overtaken(e.line, b, t) {
				codes["alias-mismatch"] = true
			}
			if m.gone(e.line, b, t) {
				codes["alias-mismatch"] = true
				x.toldGone |= bit
			}
		case 'w':
			if m.lineDirty(e.line, t) {
				codes["alias-mismatch"] = true
			}
		case 'D', 'E':
			if m.lineDirty(e.line, t) {
				codes["writeback-over-dma"] = true
			}
		}
	}
	var out []string
	for c := range codes {
		out = append(out, c)
	}
	slices.Sort(out)
	return out
}

// fresh findings of the sanitizer since the last call, once for each code.
func (r *rig) news(seen map[*Report]int) []string {
	var out []string
	for _, f := range r.san.Reports() {
		if f.Count != seen[f] && !slices.Contains(out, f.Code.String()) {
			out = append(out, f.Code.String())
		}
		seen[f] = f.Count
	}
	slices.Sort(out)
	return out
}

// drawScript draws steps that meet: few lines, few places within them, and more
// of what changes hands.
func drawScript(t *rapid.T, most int) script {
	n := rapid.IntRange(1, most).Draw(t, "steps")
	var b strings.Builder
	for range n {
		op := rapid.SampledFrom([]byte("WWWRRRDDDdddEewwrCCCIIFZ@J")).Draw(t, "op")
		switch op {
		case '@':
			fmt.Fprintf(&b, "@%d ", rapid.IntRange(1, 2).Draw(t, "task"))
		case 'J':
			b.WriteString("J ")
		default:
			fmt.Fprintf(&b, "%c%d", op, rapid.SampledFrom([]int{0, 0, 0, 1, 4}).Draw(t, "line"))
			if strings.IndexByte("CIFZ", op) < 0 {
				first := rapid.SampledFrom([]int{0, 0, 1, 8, 63}).Draw(t, "first")
				size := rapid.SampledFrom([]int{1, 8, 32, 64}).Draw(t, "bytes")
				if op == 'w' || op == 'r' {
					size = min(size, 1)
				}
				fmt.Fprintf(&b, ".%d+%d", first, min(size, mem.LineSize-first))
			}
			b.WriteByte(' ')
		}
	}
	return script(b.String())
}

// The rules say what the model says, step by step, in whatever way the cache
// behaves.
func TestRulesAgainstModel(t *testing.T) {
	most := 40
	if testing.Short() {
		most = 15
	}
	rapid.Check(t, func(t *rapid.T) {
		s := drawScript(t, most)
		steps := s.steps(t)
		var rigs []*rig
		var seen []map[*Report]int
		for _, c := range []mem.CacheConfig{
			{Mode: mem.Lazy}, {Mode: mem.Eager},
			{Mode: mem.Random, Seed: rapid.Uint64().Draw(t, "seed"), EvictRate: 0.5, FillRate: 0.5},
		} {
			rigs = append(rigs, newRig(t, c, false))
			seen = append(seen, map[*Report]int{})
		}
		m, task := &model{}, 1
		for i, st := range steps {
			if st.op == '@' {
				task = number(t, st.task)
			}
			want := m.add(st, task)
			for j, r := range rigs {
				r.do(i, st)
				if got := r.news(seen[j]); !slices.Equal(got, want) {
					t.Fatalf("%s: step %d (%c) of %s\nfound %q, the model %q", r.mem.Mode(), i, st.op, s, got, want)
				}
			}
		}
		for _, r := range rigs[1:] {
			if r.verdict() != rigs[0].verdict() {
				t.Fatalf("%s of %s\n%sbut %s\n%s", r.mem.Mode(), s, r.verdict(), rigs[0].mem.Mode(), rigs[0].verdict())
			}
		}
	})
}
