// SPDX-License-Identifier: Apache-2.0

package dmasan

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"time"

	"vdev/emu/mem"
	"vdev/emu/symbols"
	"vdev/mmio"
)

// A script is a sequence of steps on a few lines, separated by spaces:
//
//	W0.4+8  a hart stores 8 bytes at byte 4 of line 0; R loads them
//	w r     the same through a non-cacheable mapping
//	D d     a bus master writes, reads; E e another one
//	C0 I0 F0 Z0  clean, invalidate, flush, zero line 0
//	@2      task 2 runs from here on; tasks with odd numbers are threads of one process,
//	        which shows only in user mode
//	J       the bus master of D and d is given a job
//
// Lines 0 to 3 are in page 0, lines 4 to 7 in page 1.
type script string

type step struct {
	op         byte
	line       int
	first, len int
	task       string
}

func (s script) steps(t tester) []step {
	var out []step
	for tok := range strings.FieldsSeq(string(s)) {
		st := step{op: tok[0], len: mem.LineSize}
		rest := tok[1:]
		switch st.op {
		case '@':
			st.task = rest
		case 'J':
		default:
			lineText, span, ok := strings.Cut(rest, ".")
			st.line = number(t, lineText)
			if ok {
				first, n, _ := strings.Cut(span, "+")
				st.first, st.len = number(t, first), number(t, n)
			}
		}
		out = append(out, st)
	}
	return out
}

func number(t tester, s string) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func (s step) mask() uint64 { return ^uint64(0) >> (mem.LineSize - s.len) << s.first }

func (s step) page() int { return s.line / 4 }

func (s step) addr() mmio.PhysAddr {
	return rigBase + mmio.PhysAddr(s.page()*mem.PageSize+s.line%4*mem.LineSize+s.first)
}

const rigBase mmio.PhysAddr = 0x8000_0000

// rig is a memory with a sanitizer and somebody who plays a script.
type rig struct {
	t          tester
	mem        *mem.Memory
	san        *Sanitizer
	dev, dev2  *mem.Port
	now        time.Duration
	regs       symbols.Regs
	text, json bytes.Buffer
}

// unmapped is guest memory for symbols: there is none.
type unmapped struct{}

func (unmapped) ReadVirt(satp, va uint64, p []byte) bool { return false }

func newRig(t tester, c mem.CacheConfig, latent bool) *rig {
	m, err := mem.New(rigBase, 16*mem.PageSize)
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{t: t, mem: m}
	r.regs = symbols.Regs{Priv: symbols.Supervisor, TP: 1, Sscratch: 1, Satp: 1}
	r.san = New(Config{
		Now:          func() time.Duration { return r.now },
		Context:      func(int) symbols.Regs { return r.regs },
		Memory:       unmapped{},
		RAM:          m,
		Text:         &r.text,
		JSON:         &r.json,
		ReportLatent: latent,
	})
	m.SetCache(c)
	m.SetObserver(r.san)
	r.dev, r.dev2 = m.NewPort("disk", false), m.NewPort("camera", false)
	return r
}

func (r *rig) must(ok bool) {
	if !ok {
		r.t.Helper()
		r.t.Fatal("access outside of RAM")
	}
}

// do plays step number n and returns how often each code has been found by then.
func (r *rig) do(n int, s step) {
	r.now += time.Millisecond
	r.regs.PC = 0xffffffff80000000 + 4*uint64(n)
	b := bytes.Repeat([]byte{byte(n + 1)}, s.len)
	each := func(f func(a mmio.PhysAddr, b []byte)) {
		for i := range b {
			f(s.addr()+mmio.PhysAddr(i), b[i:i+1])
		}
	}
	switch s.op {
	case 'R':
		r.must(r.mem.Read(s.addr(), b))
	case 'W':
		r.must(r.mem.Write(s.addr(), b))
	case 'r':
		each(func(a mmio.PhysAddr, b []byte) {
			_, ok := r.mem.LoadNC(a, 1)
			r.must(ok)
		})
	case 'w':
		each(func(a mmio.PhysAddr, b []byte) { r.must(r.mem.StoreNC(a, 1, uint64(b[0]))) })
	case 'D':
		r.must(r.dev.WriteDMA(mmio.IOVA(s.addr()), b) == nil)
	case 'd':
		r.must(r.dev.ReadDMA(mmio.IOVA(s.addr()), b) == nil)
	case 'E':
		r.must(r.dev2.WriteDMA(mmio.IOVA(s.addr()), b) == nil)
	case 'e':
		r.must(r.dev2.ReadDMA(mmio.IOVA(s.addr()), b) == nil)
	case 'C':
		r.must(r.mem.CBO(mem.OpClean, s.addr()))
	case 'I':
		r.must(r.mem.CBO(mem.OpInval, s.addr()))
	case 'F':
		r.must(r.mem.CBO(mem.OpFlush, s.addr()))
	case 'Z':
		r.must(r.mem.CBO(mem.OpZero, s.addr()))
	case '@':
		n := uint64(number(r.t, s.task))
		r.regs.TP, r.regs.Sscratch, r.regs.Satp = n, n, n%2
	case 'J':
		r.san.JobStarted("disk", "request", 0)
	default:
		r.t.Fatalf("no step %q", s.op)
	}
	r.mem.Tick()
}

// verdict is what was found, in order, with what matters of each.
func (r *rig) verdict() string {
	var b strings.Builder
	for _, f := range r.san.Reports() {
		fmt.Fprintf(&b, "%s x%d at %#x+%#x", f.Code, f.Count, uint64(f.Bytes.Addr), f.Bytes.Mask)
		for _, a := range []*Access{f.This, f.Other, f.Noticed, f.LastWrite, f.LastDMA, f.LastMaintenance} {
			if a == nil {
				b.WriteString(" -")
			} else {
				fmt.Fprintf(&b, " %s/%s%#x", a.What, a.Master, a.Regs.PC)
			}
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// machines are the cache configurations that must not differ in their verdict.
func machines() []mem.CacheConfig {
	all := []mem.CacheConfig{{Mode: mem.Lazy}, {Mode: mem.Eager}}
	for seed := range uint64(20) {
		all = append(all, mem.CacheConfig{Mode: mem.Random, Seed: seed, EvictRate: 0.4, FillRate: 0.4})
	}
	return all
}

func (s script) play(t tester, c mem.CacheConfig, latent bool) *rig {
	r := newRig(t, c, latent)
	for i, st := range s.steps(t) {
		r.do(i, st)
	}
	return r
}

// tester is what rapid.T and testing.T have in common.
type tester interface {
	Helper()
	Fatal(args ...any)
	Fatalf(format string, args ...any)
}
