// SPDX-License-Identifier: Apache-2.0

package sbi

import (
	"encoding/binary"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"vdev/mmio"
)

const (
	ramBase = 0x8000_0000
	ramSize = 0x1_0000
)

// fakePlatform records what it is asked to do, and panics at what the firmware
// promises never to ask.
type fakePlatform struct {
	states  []State
	ram     [ramSize]byte
	input   []byte
	written []byte
	room    int // how much output the console still takes
	log     []string
}

func newFake(states ...State) *fakePlatform { return &fakePlatform{states: states, room: 1 << 30} }

func (p *fakePlatform) note(format string, args ...any) {
	p.log = append(p.log, fmt.Sprintf(format, args...))
}

func (p *fakePlatform) check(hart int) {
	if hart < 0 || hart >= len(p.states) {
		panic(fmt.Sprintf("asked about hart %d", hart))
	}
}

func (p *fakePlatform) NumHarts() int { return len(p.states) }
func (p *fakePlatform) SetTimer(hart int, ticks uint64) {
	p.check(hart)
	p.note("timer %d %#x", hart, ticks)
}
func (p *fakePlatform) SendIPI(hart int) {
	p.check(hart)
	p.note("ipi %d", hart)
}
func (p *fakePlatform) RemoteFenceI(hart int) {
	p.check(hart)
	p.note("fence.i %d", hart)
}
func (p *fakePlatform) RemoteSFenceVMA(hart int, start, size uint64, asid uint64, hasASID bool) {
	p.check(hart)
	p.note("sfence %d %#x+%#x %d %v", hart, start, size, asid, hasASID)
}
func (p *fakePlatform) HartStatus(hart int) State {
	p.check(hart)
	return p.states[hart]
}
func (p *fakePlatform) HartStart(hart int, addr, opaque uint64) bool {
	p.check(hart)
	if p.states[hart] != Stopped || addr&1 != 0 {
		panic("started a hart that is not stopped, or at an odd address")
	}
	if addr < ramBase || addr >= ramBase+ramSize {
		return false
	}
	p.states[hart] = Started
	p.note("start %d %#x %#x", hart, addr, opaque)
	return true
}
func (p *fakePlatform) HartStop(hart int) {
	p.check(hart)
	p.states[hart] = Stopped
	p.note("stop %d", hart)
}
func (p *fakePlatform) HartSuspend(hart int, nonRetentive bool, resume, opaque uint64) {
	p.check(hart)
	p.states[hart] = Suspended
	p.note("suspend %d %v %#x %#x", hart, nonRetentive, resume, opaque)
}
func (p *fakePlatform) Reset(kind, reason uint32) { p.note("reset %d %d", kind, reason) }
func (p *fakePlatform) ConsoleWrite(b []byte) int {
	n := min(len(b), p.room)
	p.written = append(p.written, b[:n]...)
	p.room -= n
	return n
}
func (p *fakePlatform) ConsoleRead(b []byte) int {
	n := copy(b, p.input)
	p.input = p.input[n:]
	return n
}
func (p *fakePlatform) at(addr mmio.PhysAddr, n int) []byte {
	off := uint64(addr) - ramBase
	if n == 0 {
		panic("asked for no memory")
	}
	if uint64(addr) < ramBase || off > ramSize || uint64(n) > ramSize-off {
		return nil
	}
	return p.ram[off : off+uint64(n)]
}
func (p *fakePlatform) ReadPhys(addr mmio.PhysAddr, b []byte) bool {
	m := p.at(addr, len(b))
	copy(b, m)
	return m != nil
}
func (p *fakePlatform) WritePhys(addr mmio.PhysAddr, b []byte) bool {
	m := p.at(addr, len(b))
	copy(m, b)
	return m != nil
}

// find looks a function up by its names in the table.
func find(t *testing.T, name string) (eid, fid uint64) {
	t.Helper()
	ext, fn, _ := strings.Cut(name, ".")
	for _, e := range Extensions() {
		for _, f := range e.Functions {
			if e.Name == ext && f.Name == fn {
				return e.EID, f.FID
			}
		}
	}
	t.Fatalf("no function %s", name)
	return 0, 0
}

// TestNumbers pins the numbers of the specification, as Linux has them in
// arch/riscv/include/asm/sbi.h, against typing errors in the table.
func TestNumbers(t *testing.T) {
	ascii := func(s string) (v uint64) {
		for _, c := range []byte(s) {
			v = v<<8 | uint64(c)
		}
		return v
	}
	want := map[string]uint64{
		"legacy_set_timer": 0, "legacy_console_putchar": 1, "legacy_console_getchar": 2, "legacy_shutdown": 8,
		"base": 0x10, "time": ascii("TIME"), "ipi": ascii("sPI"), "rfence": ascii("RFNC"),
		"hsm": ascii("HSM"), "srst": ascii("SRST"), "dbcn": ascii("DBCN"),
	}
	got := map[string]uint64{}
	for _, e := range Extensions() {
		got[e.Name] = e.EID
		for i, f := range e.Functions {
			if f.FID != uint64(i) || len(f.Args) > 6 || f.Name == "" || f.call == nil {
				t.Errorf("%s: bad entry %d", e.Name, i)
			}
		}
		if e.Legacy && len(e.Functions) != 1 {
			t.Errorf("%s: a legacy extension is one function", e.Name)
		}
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}

type args = [6]uint64

func TestCalls(t *testing.T) {
	const (
		all  = ^uint64(0)
		code = ramBase + 0x100
	)
	four := []State{Started, Stopped, Suspended, Started}
	for _, c := range []struct {
		call   string
		args   args
		ret    Ret
		log    []string
		states []State // four if nil
	}{
		{call: "base.get_spec_version", ret: Ret{Value: 0x0200_0000}},
		{call: "base.get_impl_id", ret: Ret{Value: implID}},
		{call: "base.get_impl_version", ret: Ret{Value: 1}},
		{call: "base.get_mvendorid"}, {call: "base.get_marchid"}, {call: "base.get_mimpid"},

		{call: "time.set_timer", args: args{123, 4}, log: []string{"timer 0 0x7b"}},
		{call: "legacy_set_timer.set_timer", args: args{all}, ret: Ret{Legacy: true}, log: []string{"timer 0 0xffffffffffffffff"}},

		// Hart masks. Hart 1 is stopped.
		{call: "ipi.send_ipi", args: args{0b1001, 0}, log: []string{"ipi 0", "ipi 3"}},
		{call: "ipi.send_ipi", args: args{0b11, 2}, log: []string{"ipi 2", "ipi 3"}},
		{call: "ipi.send_ipi", args: args{0b1, 3}, log: []string{"ipi 3"}},
		{call: "ipi.send_ipi", args: args{0b10, 0}},
		{call: "ipi.send_ipi", args: args{0, 0}},
		{call: "ipi.send_ipi", args: args{0, all}, log: []string{"ipi 0", "ipi 2", "ipi 3"}},
		{call: "ipi.send_ipi", args: args{all, all}, log: []string{"ipi 0", "ipi 2", "ipi 3"}},
		{call: "ipi.send_ipi", args: args{0b10001, 0}, ret: Ret{Error: ErrInvalidParam}},
		{call: "ipi.send_ipi", args: args{1 << 63, 0}, ret: Ret{Error: ErrInvalidParam}},
		{call: "ipi.send_ipi", args: args{0b11, 3}, ret: Ret{Error: ErrInvalidParam}},
		{call: "ipi.send_ipi", args: args{1, 4}, ret: Ret{Error: ErrInvalidParam}},
		{call: "ipi.send_ipi", args: args{0, 4}, ret: Ret{Error: ErrInvalidParam}},
		{call: "ipi.send_ipi", args: args{1, all - 1}, ret: Ret{Error: ErrInvalidParam}},
		{call: "ipi.send_ipi", args: args{1, 1 << 32}, ret: Ret{Error: ErrInvalidParam}},
		{call: "ipi.send_ipi", args: args{1<<63 | 1, 1}, states: slices.Repeat([]State{Started}, 65), log: []string{"ipi 1", "ipi 64"}},
		{call: "ipi.send_ipi", args: args{1 << 63, 2}, states: slices.Repeat([]State{Started}, 65), ret: Ret{Error: ErrInvalidParam}},

		{call: "rfence.remote_fence_i", args: args{1, 2}, log: []string{"fence.i 2"}},
		{call: "rfence.remote_sfence_vma", args: args{1, 0, 0x1000, 0x2000, 9}, log: []string{"sfence 0 0x1000+0x2000 0 false"}},
		{call: "rfence.remote_sfence_vma", args: args{1, 0, 0, 0}, log: []string{"sfence 0 0x0+0xffffffffffffffff 0 false"}},
		{call: "rfence.remote_sfence_vma", args: args{1, 0, 0x1000, all}, log: []string{"sfence 0 0x0+0xffffffffffffffff 0 false"}},
		{call: "rfence.remote_sfence_vma", args: args{1, 0, 0x1000, 0}},
		{call: "rfence.remote_sfence_vma", args: args{1, 0, all - 0xfff, 0x1000}, log: []string{"sfence 0 0xfffffffffffff000+0x1000 0 false"}},
		{call: "rfence.remote_sfence_vma", args: args{1, 0, all - 0xfff, 0x1001}, ret: Ret{Error: ErrInvalidAddress}},
		{call: "rfence.remote_sfence_vma_asid", args: args{0, all, 0, 0, 7}, log: []string{
			"sfence 0 0x0+0xffffffffffffffff 7 true", "sfence 2 0x0+0xffffffffffffffff 7 true", "sfence 3 0x0+0xffffffffffffffff 7 true"}},
		{call: "rfence.remote_sfence_vma_asid", args: args{1, 9, 0, 0, 7}, ret: Ret{Error: ErrInvalidParam}},
		{call: "rfence.remote_hfence_gvma_vmid", ret: Ret{Error: ErrNotSupported}},
		{call: "rfence.remote_hfence_gvma", ret: Ret{Error: ErrNotSupported}},
		{call: "rfence.remote_hfence_vvma_asid", ret: Ret{Error: ErrNotSupported}},
		{call: "rfence.remote_hfence_vvma", ret: Ret{Error: ErrNotSupported}},

		{call: "hsm.hart_start", args: args{1, code, 5}, log: []string{"start 1 0x80000100 0x5"}},
		{call: "hsm.hart_start", args: args{1, code + 1, 5}, ret: Ret{Error: ErrInvalidAddress}},
		{call: "hsm.hart_start", args: args{1, 0, 5}, ret: Ret{Error: ErrInvalidAddress}},
		{call: "hsm.hart_start", args: args{0, code}, ret: Ret{Error: ErrAlreadyAvailable}},
		{call: "hsm.hart_start", args: args{2, code}, ret: Ret{Error: ErrAlreadyAvailable}},
		{call: "hsm.hart_start", args: args{0, code}, states: []State{StopPending}, ret: Ret{Error: ErrFailed}},
		{call: "hsm.hart_start", args: args{4, code}, ret: Ret{Error: ErrInvalidParam}},
		{call: "hsm.hart_start", args: args{1 << 63, code}, ret: Ret{Error: ErrInvalidParam}},
		{call: "hsm.hart_stop", ret: Ret{NoReturn: true}, log: []string{"stop 0"}},
		{call: "hsm.hart_get_status", args: args{0}},
		{call: "hsm.hart_get_status", args: args{1}, ret: Ret{Value: 1}},
		{call: "hsm.hart_get_status", args: args{2}, ret: Ret{Value: 4}},
		{call: "hsm.hart_get_status", args: args{4}, ret: Ret{Error: ErrInvalidParam}},
		{call: "hsm.hart_suspend", args: args{0, 1, 2}, log: []string{"suspend 0 false 0x0 0x0"}},
		{call: "hsm.hart_suspend", args: args{0x8000_0000, code, 2}, ret: Ret{NoReturn: true}, log: []string{"suspend 0 true 0x80000100 0x2"}},
		{call: "hsm.hart_suspend", args: args{0xffff_ffff_8000_0000, code, 2}, ret: Ret{NoReturn: true}, log: []string{"suspend 0 true 0x80000100 0x2"}},
		{call: "hsm.hart_suspend", args: args{0x8000_0000, code + 1}, ret: Ret{Error: ErrInvalidAddress}},
		{call: "hsm.hart_suspend", args: args{0x8000_0000, ramBase + ramSize}, ret: Ret{Error: ErrInvalidAddress}},
		{call: "hsm.hart_suspend", args: args{1}, ret: Ret{Error: ErrInvalidParam}},
		{call: "hsm.hart_suspend", args: args{0x8000_0001, code}, ret: Ret{Error: ErrInvalidParam}},
		{call: "hsm.hart_suspend", args: args{0x1000_0000, code}, ret: Ret{Error: ErrInvalidParam}},

		{call: "srst.system_reset", args: args{0, 0}, ret: Ret{NoReturn: true}, log: []string{"reset 0 0"}},
		{call: "srst.system_reset", args: args{1, 1}, ret: Ret{NoReturn: true}, log: []string{"reset 1 1"}},
		{call: "srst.system_reset", args: args{2, 0}, ret: Ret{NoReturn: true}, log: []string{"reset 2 0"}},
		{call: "srst.system_reset", args: args{3, 0}, ret: Ret{Error: ErrInvalidParam}},
		{call: "srst.system_reset", args: args{0, 2}, ret: Ret{Error: ErrInvalidParam}},
		{call: "srst.system_reset", args: args{0xf000_0000, 0}, ret: Ret{Error: ErrInvalidParam}},
		{call: "legacy_shutdown.shutdown", ret: Ret{Legacy: true, NoReturn: true}, log: []string{"reset 0 0"}},
	} {
		if c.states == nil {
			c.states = four
		}
		p := newFake(slices.Clone(c.states)...)
		eid, fid := find(t, c.call)
		if got := New(p).Ecall(0, eid, fid, c.args); got != c.ret {
			t.Errorf("%s(%#x) returns %+v, want %+v", c.call, c.args, got, c.ret)
		}
		if !slices.Equal(p.log, c.log) {
			t.Errorf("%s(%#x) did %q, want %q", c.call, c.args, p.log, c.log)
		}
	}
}

func TestCallingHart(t *testing.T) {
	p := newFake(Started, Started)
	f := New(p)
	for _, call := range []string{"time.set_timer", "hsm.hart_suspend", "hsm.hart_stop"} {
		eid, fid := find(t, call)
		f.Ecall(1, eid, fid, args{})
	}
	if want := []string{"timer 1 0x0", "suspend 1 false 0x0 0x0", "stop 1"}; !slices.Equal(p.log, want) {
		t.Errorf("did %q, want %q", p.log, want)
	}
}

func TestUnknownCalls(t *testing.T) {
	f := New(newFake(Started))
	for _, c := range []struct {
		eid, fid uint64
		legacy   bool
	}{
		{0x10, 7, false}, {0x54494d45, 1, false}, {0x504d55, 0, false}, {^uint64(0), 0, false},
		{0x1_0000_0010, 0, false}, {0x10, 1 << 32, false},
		{3, 0, true}, {4, 0, true}, {7, 9, true}, {0xf, 0, true},
	} {
		want := Ret{Error: ErrNotSupported, Legacy: c.legacy}
		if got := f.Ecall(0, c.eid, c.fid, args{1, 2, 3, 4, 5, 6}); got != want {
			t.Errorf("%#x.%#x returns %+v, want %+v", c.eid, c.fid, got, want)
		}
	}
}

func TestProbe(t *testing.T) {
	f := New(newFake(Started))
	eid, fid := find(t, "base.probe_extension")
	want := map[uint64]bool{}
	for _, e := range Extensions() {
		want[e.EID] = true
	}
	for _, probe := range []uint64{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0x10, 0x54494d45, 0x735049, 0x52464e43,
		0x48534d, 0x53525354, 0x4442434e, 0x504d55, 0x53555350, 0x535441, 1 << 40, ^uint64(0)} {
		got := f.Ecall(0, eid, fid, args{probe})
		if got.Error != 0 || (got.Value != 0) != want[probe] {
			t.Errorf("probe of %#x returns %+v", probe, got)
		}
	}
}

func TestConsole(t *testing.T) {
	p := newFake(Started)
	f := New(p)
	call := func(name string, a ...uint64) Ret {
		t.Helper()
		eid, fid := find(t, name)
		var r args
		copy(r[:], a)
		return f.Ecall(0, eid, fid, r)
	}
	check := func(what string, got, want Ret) {
		t.Helper()
		if got != want {
			t.Errorf("%s returns %+v, want %+v", what, got, want)
		}
	}
	copy(p.ram[0x10:], "hello")
	check("write", call("dbcn.console_write", 5, ramBase+0x10, 0), Ret{Value: 5})
	check("write of nothing", call("dbcn.console_write", 0, 0, 0), Ret{})
	check("write byte", call("dbcn.console_write_byte", 0xff00|'!'), Ret{})
	check("putchar", call("legacy_console_putchar.console_putchar", '?'), Ret{Legacy: true})
	if string(p.written) != "hello!?" {
		t.Errorf("console has %q", p.written)
	}
	check("long write", call("dbcn.console_write", ramSize, ramBase, 0), Ret{Value: consoleChunk})
	for _, bad := range [][3]uint64{
		{1, ramBase - 1, 0}, {2, ramBase + ramSize - 1, 0}, {1, ramBase, 1},
		{2, ^uint64(0), 0}, {^uint64(0), ramBase, 0},
	} {
		p.input = []byte("x")
		check("bad write", call("dbcn.console_write", bad[:]...), Ret{Error: ErrInvalidParam})
		check("bad read", call("dbcn.console_read", bad[:]...), Ret{Error: ErrInvalidParam})
		if len(p.input) != 1 {
			t.Fatal("a bad read swallowed input")
		}
	}
	p.room = 2
	check("short write", call("dbcn.console_write", 5, ramBase+0x10, 0), Ret{Value: 2})
	check("full write", call("dbcn.console_write", 5, ramBase+0x10, 0), Ret{Value: 0})
	check("full write byte", call("dbcn.console_write_byte", 'a'), Ret{Error: ErrFailed})

	p.input = []byte("ab\xff")
	p.ram[0x22] = 7
	check("getchar", call("legacy_console_getchar.console_getchar"), Ret{Error: 'a', Legacy: true})
	check("read", call("dbcn.console_read", 100, ramBase+0x20, 0), Ret{Value: 2})
	if got := p.ram[0x20:0x23]; string(got) != "b\xff\x07" {
		t.Errorf("read left %q", got)
	}
	check("empty read", call("dbcn.console_read", 100, ramBase+0x20, 0), Ret{})
	check("empty getchar", call("legacy_console_getchar.console_getchar"), Ret{Error: -1, Legacy: true})
}

func TestTrace(t *testing.T) {
	f := New(newFake(Started, Stopped))
	var got []string
	f.SetTrace(func(c Call) { got = append(got, c.String()) })
	f.Ecall(0, 0x48534d, 0, args{1, ramBase, 3})
	f.Ecall(0, 0x48534d, 0, args{7, ramBase, 3})
	f.Ecall(0, 0x48534d, 9, args{})
	f.Ecall(0, 0x504d55, 2, args{})
	f.Ecall(0, 2, 99, args{})
	f.Ecall(1, 0x48534d, 1, args{})
	f.SetTrace(nil)
	f.Ecall(0, 0x10, 0, args{})
	want := []string{
		"hart 0: hsm.hart_start(hartid=0x1, start_addr=0x80000000, opaque=0x3) = 0x0",
		"hart 0: hsm.hart_start(hartid=0x7, start_addr=0x80000000, opaque=0x3) = ERR_INVALID_PARAM",
		"hart 0: hsm.0x9() = ERR_NOT_SUPPORTED",
		"hart 0: 0x504d55.0x2() = ERR_NOT_SUPPORTED",
		"hart 0: legacy_console_getchar.console_getchar() = -1",
		"hart 1: hsm.hart_stop() = does not return",
	}
	if !slices.Equal(got, want) {
		t.Errorf("traced\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestErrorName(t *testing.T) {
	for code, want := range map[int64]string{0: "SUCCESS", ErrNoShmem: "ERR_NO_SHMEM", -10: "error -10", 1: "error 1", -1 << 63: "error -9223372036854775808"} {
		if got := ErrorName(code); got != want {
			t.Errorf("ErrorName(%d) = %q, want %q", code, got, want)
		}
	}
}

// FuzzEcall makes arbitrary sequences of calls. The platform panics if it is asked
// for anything out of range.
func FuzzEcall(f *testing.F) {
	call := func(ext, fid byte, a ...uint64) []byte {
		b := []byte{ext, fid}
		for i := range 6 {
			var v uint64
			if i < len(a) {
				v = a[i]
			}
			b = binary.LittleEndian.AppendUint64(b, v)
		}
		return b
	}
	exts := Extensions()
	for i, e := range exts {
		for _, fn := range e.Functions {
			f.Add(call(byte(i), byte(fn.FID), 1, 1, ramBase, 16))
			f.Add(call(byte(i), byte(fn.FID), ramSize, ramBase, 0))
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		p := newFake(Started, Stopped, Suspended)
		p.input = slices.Clone(data)
		fw := New(p)
		for hart := 0; len(data) >= 50; data = data[50:] {
			eid := uint64(data[0])
			if int(data[0]) < len(exts) {
				eid = exts[data[0]].EID
			}
			var a args
			for i := range a {
				a[i] = binary.LittleEndian.Uint64(data[2+8*i:])
			}
			before := len(p.log)
			ret := fw.Ecall(hart, eid, uint64(data[1]), a)
			if ret.Error < 0 && !ret.Legacy && (len(p.log) != before || ret.Value != 0) {
				t.Errorf("call %#x.%d(%#x) failed with %v and still did %q", eid, data[1], a, ret, p.log[before:])
			}
			if ret.NoReturn && (ret.Error != 0 || ret.Value != 0) {
				t.Errorf("call %#x.%d does not return, but has a result %+v", eid, data[1], ret)
			}
			hart = (hart + 1) % len(p.states)
		}
	})
}
