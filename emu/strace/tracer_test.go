// SPDX-License-Identifier: Apache-2.0

package strace

import (
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"vdev/emu/linux"
	"vdev/emu/symbols"
	"vdev/ioctl"
)

// memory is a program's: pages that were written.
type memory map[uint64][]byte

func (m memory) ReadVirt(_, va uint64, p []byte) bool {
	for i := range p {
		b, ok := m[va+uint64(i)]
		if !ok {
			return false
		}
		p[i] = b[0]
	}
	return true
}

func (m memory) write(va uint64, p ...byte) {
	for i, b := range p {
		m[va+uint64(i)] = []byte{b}
	}
}

// rig is a tracer of a guest whose kernel is not known.
type rig struct {
	*Tracer
	now   time.Duration
	mem   memory
	lines []string
	syncs []*SyncCall
}

func newRig() *rig {
	r := &rig{mem: memory{}}
	r.Tracer = New(Config{
		Kernel: linux.New(r.mem, func() (linux.Types, error) { return nil, errors.New("unknown") }),
		Memory: r.mem, Now: func() time.Duration { return r.now },
		Print:  func(s string) { r.lines = append(r.lines, s) },
		OnSync: func(s *SyncCall) { r.syncs = append(r.syncs, s) },
	})
	return r
}

const (
	callPC    = 0x10100
	handlerPC = 0x20000
	stack     = 0x3f0000
	request   = 0x1234
)

// at is the registers of a task in user mode.
func at(task, pc, sp uint64, a ...uint64) Regs {
	r := Regs{Regs: symbols.Regs{PC: pc, SP: sp, Sscratch: task}}
	copy(r.A[:], a)
	return r
}

func (r *rig) enter(task, pc, sp, fd uint64) {
	r.now += time.Microsecond
	r.Enter(at(task, pc, sp, fd, request, 0xabc))
}

func (r *rig) leave(task, pc, sp uint64, a ...uint64) {
	r.now += time.Microsecond
	r.Return(at(task, pc, sp, a...))
}

const eintr = -4 & (1<<64 - 1)

func TestResults(t *testing.T) {
	const other = stack - 0x200
	for _, tt := range []struct {
		name string
		do   func(r *rig)
		want []string // descriptor, result and duration in µs
	}{
		{"success", func(r *rig) { r.enter(1, callPC, stack, 3); r.leave(1, callPC+4, stack, 0) }, []string{"3 = 0 1"}},
		{"a number", func(r *rig) { r.enter(1, callPC, stack, 3); r.leave(1, callPC+4, stack, 1<<40) }, []string{"3 = 1099511627776 1"}},
		{"error", func(r *rig) { r.enter(1, callPC, stack, 3); r.leave(1, callPC+4, stack, eintr) }, []string{"3 = -1 EINTR (Interrupted system call) 1"}},
		{"unknown error", func(r *rig) { r.enter(1, callPC, stack, 3); r.leave(1, callPC+4, stack, -999&(1<<64-1)) }, []string{"3 = -1 ERRNO_999 1"}},
		{"no error any more", func(r *rig) { r.enter(1, callPC, stack, 3); r.leave(1, callPC+4, stack, -4096&(1<<64-1)) }, []string{"3 = -4096 1"}},
		{"negative descriptor", func(r *rig) { r.enter(1, callPC, stack, 0xffff_ffff); r.leave(1, callPC+4, stack, 0) }, []string{"-1 = 0 1"}},

		{"two tasks", func(r *rig) {
			r.enter(1, callPC, stack, 3)
			r.enter(2, callPC, stack, 4)
			r.leave(1, callPC+4, stack, 0)
			r.leave(2, callPC+4, stack, 1)
		}, []string{"3 = 0 2", "4 = 1 2"}},
		{"others come and go", func(r *rig) {
			r.enter(1, callPC, stack, 3)
			r.leave(2, callPC+4, stack, 9)
			r.leave(1, callPC+4, stack, 0)
		}, []string{"3 = 0 2"}},
		{"restarted", func(r *rig) {
			r.enter(1, callPC, stack, 3)
			r.leave(1, callPC, stack, 3)
			r.enter(1, callPC, stack, 3)
			r.leave(1, callPC+4, stack, 0)
		}, []string{"3 = ? ERESTARTSYS 1", "3 = 0 1"}},
		{"restarted as another call", func(r *rig) {
			r.enter(1, callPC, stack, 3)
			r.leave(1, callPC, stack, 3, 0, 0, 0, 0, 0, 0, 128)
		}, []string{"3 = ? ERESTART_RESTARTBLOCK 1"}},
		{"handler, then the result", func(r *rig) {
			r.enter(1, callPC, stack, 3)
			r.leave(1, handlerPC, other, 10)
			r.leave(1, handlerPC+8, other, 10) // something in the handler
			r.leave(1, callPC+4, stack, eintr)
		}, []string{"3 = -1 EINTR (Interrupted system call) 3"}},
		{"handler, then again", func(r *rig) {
			r.enter(1, callPC, stack, 3)
			r.leave(1, handlerPC, other, 10)
			r.leave(1, callPC, stack, 3)
		}, []string{"3 = ? ERESTARTSYS 2"}},
		{"handler calls from the same place", func(r *rig) {
			r.enter(1, callPC, stack, 3)
			r.leave(1, handlerPC, other, 10)
			r.enter(1, callPC, other, 4)
			r.leave(1, callPC+4, other, 7)
			r.leave(1, callPC+4, other, 7) // interrupted right there
			r.leave(1, callPC+4, stack, eintr)
		}, []string{"4 = 7 1", "3 = -1 EINTR (Interrupted system call) 5"}},
		{"handler leaves by longjmp", func(r *rig) {
			r.enter(1, callPC, stack, 3)
			r.leave(1, handlerPC, other, 10)
			for range maxNested {
				r.enter(1, callPC+0x100, stack, 5)
				r.leave(1, callPC+0x104, stack, 0)
			}
			r.Finish()
		}, slices.Concat(slices.Repeat([]string{"5 = 0 1"}, maxNested), []string{"3 = ? 17"})},
		{"many handlers that never return", func(r *rig) {
			for range maxNested + 1 {
				r.enter(1, callPC, stack, 3)
				r.leave(1, handlerPC, other, 10)
			}
			if len(r.calls) != maxNested {
				t.Errorf("%d calls of one task are kept", len(r.calls))
			}
		}, []string{"3 = ? 16"}},
		{"a return that was not seen", func(r *rig) {
			r.enter(1, callPC, stack, 3)
			r.enter(1, callPC, stack, 4)
			r.leave(1, callPC+4, stack, 0)
		}, []string{"3 = ? 1", "4 = 0 1"}},
		{"end of the run", func(r *rig) {
			r.enter(1, callPC, stack, 3)
			r.enter(2, callPC, stack, 4)
			r.Finish()
		}, []string{"3 = ? 1", "4 = ? 0"}},
	} {
		r := newRig()
		tt.do(r)
		var got []string
		for _, l := range r.lines {
			_, l, _ = strings.Cut(l, "ioctl(")
			l = strings.Replace(l, ", "+ioctl.Request(request).Format()+", 0xabc)", "", 1)
			if before, time, ok := strings.Cut(l, " <0.0000"); ok {
				l = before + " " + strings.TrimLeft(strings.TrimSuffix(time, "000>"), "0")
				if strings.HasSuffix(l, " ") {
					l += "0"
				}
			}
			got = append(got, l)
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestLine(t *testing.T) {
	r := newRig()
	r.now = 1234567890 * time.Nanosecond
	r.enter(0xff60_0000, callPC, stack, 3)
	r.leave(0xff60_0000, callPC+4, stack, 0)
	want := "[task 0xff600000] 1.234568890 ioctl(3, " + ioctl.Request(request).Format() + ", 0xabc) = 0 <0.000001000>"
	if len(r.lines) != 1 || r.lines[0] != want {
		t.Errorf("%q, want %q", r.lines, want)
	}
}

func TestPlain(t *testing.T) {
	for in, want := range map[string]string{
		"": "", "kmsshow": "kmsshow", "/dev/dri/card0": "/dev/dri/card0", "a b": "a b",
		"a\nb": `"a\nb"`, "\x1b[31m": `"\x1b[31m"`, "ä": `"\u00e4"`, `"`: `"\""`, "\xff": `"\xff"`,
	} {
		if got := plain(in); got != want {
			t.Errorf("%q: %s, want %s", in, got, want)
		}
	}
}

// An argument in pages that the program had not touched is shown after the call, if
// the kernel did not write there.
func TestAbsentArgument(t *testing.T) {
	const arg = 0x5000
	flags := binary.LittleEndian.AppendUint64(nil, ioctl.DMA_BUF_SYNC_END|ioctl.DMA_BUF_SYNC_RW)
	for _, tt := range []struct {
		name          string
		before, after bool
		req           ioctl.Request
		want          string
	}{
		{"there", true, true, ioctl.DMA_BUF_IOCTL_SYNC, "DMA_BUF_IOCTL_SYNC, {flags=DMA_BUF_SYNC_END|DMA_BUF_SYNC_RW})"},
		{"later", false, true, ioctl.DMA_BUF_IOCTL_SYNC, "DMA_BUF_IOCTL_SYNC, {flags=DMA_BUF_SYNC_END|DMA_BUF_SYNC_RW})"},
		{"never", false, false, ioctl.DMA_BUF_IOCTL_SYNC, "DMA_BUF_IOCTL_SYNC, 0x5000)"},
		{"later, but written", false, true, ioctl.DMA_BUF_IOCTL_EXPORT_SYNC_FILE, "DMA_BUF_IOCTL_EXPORT_SYNC_FILE, 0x5000)"},
	} {
		r := newRig()
		if tt.before {
			r.mem.write(arg, flags...)
		}
		r.Enter(at(1, callPC, stack, 3, uint64(tt.req), arg))
		if tt.after {
			r.mem.write(arg, flags...)
		}
		r.leave(1, callPC+4, stack, 0)
		if len(r.lines) != 1 || !strings.Contains(r.lines[0], tt.want) {
			t.Errorf("%s: %q, want %q", tt.name, r.lines, tt.want)
		}
	}
}

// The kernel's memory is not the program's to pass.
func TestKernelAddresses(t *testing.T) {
	r := newRig()
	const arg = 1<<63 - 4
	for i := range uint64(16) {
		r.mem.write(arg+i, 1)
	}
	for _, a := range []uint64{arg, 1 << 63} {
		r.Enter(at(1, callPC, stack, 3, uint64(ioctl.DMA_BUF_IOCTL_SYNC), a))
		r.leave(1, callPC+4, stack, 0)
	}
	for _, l := range r.lines {
		if strings.Contains(l, "{") {
			t.Errorf("it was read: %s", l)
		}
	}
}

func TestWants(t *testing.T) {
	print := newRig()
	quiet := New(Config{})
	for _, tt := range []struct {
		number, req  uint64
		print, quiet bool
	}{
		{29, request, true, false},
		{29, uint64(ioctl.DMA_BUF_IOCTL_SYNC), true, true},
		{29, uint64(ioctl.DMA_BUF_IOCTL_SYNC) | 1<<32, true, true}, // the kernel looks at 32 bits
		{29, uint64(ioctl.VDEV_DMATEST_IOC_ALLOC), true, true},
		{28, uint64(ioctl.DMA_BUF_IOCTL_SYNC), false, false},
	} {
		if p, q := print.Wants(tt.number, tt.req), quiet.Wants(tt.number, tt.req); p != tt.print || q != tt.quiet {
			t.Errorf("call %d, request %#x: %v with --trace, %v without", tt.number, tt.req, p, q)
		}
	}
}

// Whatever happens, each call ends once, and calls that ended are forgotten.
func TestEveryCallEndsOnce(t *testing.T) {
	for seed := range uint64(200) {
		rng := rand.New(rand.NewPCG(seed, 0))
		r := newRig()
		entered := 0
		for range 500 {
			task, pc, sp := 1+rng.Uint64N(3), callPC+4*rng.Uint64N(3), stack-8*rng.Uint64N(2)
			r.now += time.Duration(rng.IntN(1_000_000))
			if rng.IntN(2) == 0 {
				entered++
				req := ioctl.DMA_BUF_IOCTL_SYNC
				if rng.IntN(2) == 0 {
					req = request
				}
				r.Enter(at(task, pc, sp, 3, uint64(req)))
			} else {
				r.Return(at(task, pc, sp, rng.Uint64()))
			}
			if len(r.calls) > 3*maxNested {
				t.Fatalf("seed %d: %d calls are under way", seed, len(r.calls))
			}
		}
		r.Finish()
		if len(r.lines) != entered || r.Active() {
			t.Fatalf("seed %d: %d calls, %d lines, active %v", seed, entered, len(r.lines), r.Active())
		}
	}
}
