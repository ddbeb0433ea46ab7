// SPDX-License-Identifier: Apache-2.0

package dmatest

import (
	"bytes"
	"fmt"
	"hash/crc32"
	"strings"
	"testing"
	"time"

	"vdev/mmio"
	"vdev/mmio/mmiotest"
)

func newTester(env *mmiotest.Env) *Tester {
	return New(Config{Name: "dma", Clock: &env.Clock, IRQ: env.Line("irq"), DMA: &env.Memory, NonCoherent: true, Events: &env.Events})
}

func fixture(t *testing.T) (*mmiotest.Env, *Tester, *mmiotest.Bench) {
	env := mmiotest.NewEnv()
	for i := range env.Memory.Bytes {
		env.Memory.Bytes[i] = byte(i*7 + i>>8)
	}
	d := newTester(env)
	return env, d, mmiotest.NewBench(t, d, &env.Events)
}

func TestTable(t *testing.T) {
	mmiotest.CheckTable(t, func(env *mmiotest.Env) mmio.RegisterDevice { return newTester(env) })
}

func FuzzTester(f *testing.F) {
	mmiotest.FuzzDevice(f, func(env *mmiotest.Env) mmio.Device { return newTester(env) })
}

// params are the parameters of a command, by register.
type params map[string]uint64

func start(b *mmiotest.Bench, op Op, p params) {
	for _, name := range []string{"SRC", "DST", "LENGTH", "PATTERN", "DELAY"} {
		b.Write(name, p[name])
	}
	b.Write("COMMAND", uint64(op))
}

const (
	srcOff = 0x1003 // nothing is aligned
	dstOff = 0x40007
)

// lengths are around the boundaries of chunks and patterns.
func lengths() []int { return []int{0, 1, 7, 8, 63, chunk - 1, chunk, chunk + 1, 3*chunk + 5} }

func TestCopy(t *testing.T) {
	for _, n := range lengths() {
		env, _, b := fixture(t)
		want := bytes.Clone(env.Memory.Bytes)
		copy(want[dstOff:], want[srcOff:srcOff+n])
		start(b, OpCopy, params{"SRC": uint64(mmiotest.MemoryBase + srcOff), "DST": uint64(mmiotest.MemoryBase + dstOff), "LENGTH": uint64(n)})
		b.Want("STATUS", StatusDone)
		if !bytes.Equal(env.Memory.Bytes, want) {
			t.Errorf("%d bytes: memory is wrong", n)
		}
	}
}

func TestFill(t *testing.T) {
	for _, n := range lengths() {
		env, _, b := fixture(t)
		want := bytes.Clone(env.Memory.Bytes)
		for i := range n {
			want[dstOff+i] = byte(i%8 + 1)
		}
		start(b, OpFill, params{"DST": uint64(mmiotest.MemoryBase + dstOff), "LENGTH": uint64(n), "PATTERN": 0x0807060504030201})
		b.Want("STATUS", StatusDone)
		if !bytes.Equal(env.Memory.Bytes, want) {
			t.Errorf("%d bytes: memory is wrong", n)
		}
	}
}

func TestChecksum(t *testing.T) {
	for _, n := range lengths() {
		env, _, b := fixture(t)
		start(b, OpChecksum, params{"SRC": uint64(mmiotest.MemoryBase + srcOff), "LENGTH": uint64(n)})
		b.Want("STATUS", StatusDone)
		b.Want("RESULT", uint64(crc32.ChecksumIEEE(env.Memory.Bytes[srcOff:srcOff+n])))
	}
}

func TestMemoryIsTouchedWhenTheDelayIsOver(t *testing.T) {
	env, _, b := fixture(t)
	irq := env.Line("irq")
	b.Write("IRQ_ENABLE", StatusDone)
	start(b, OpCopy, params{"SRC": uint64(mmiotest.MemoryBase), "DST": uint64(mmiotest.MemoryBase + dstOff), "LENGTH": 8, "DELAY": 1000})
	// The parameters are the command's now.
	b.Write("SRC", 0)
	b.Write("LENGTH", 1)
	env.Clock.Advance(999)
	b.Want("STATUS", StatusBusy)
	copy(env.Memory.Bytes, "late but")
	if irq.Level || bytes.Equal(env.Memory.Bytes[dstOff:dstOff+8], []byte("late but")) {
		t.Error("done too early")
	}
	env.Clock.Advance(1)
	b.Want("STATUS", StatusDone)
	if got := string(env.Memory.Bytes[dstOff : dstOff+8]); !irq.Level || got != "late but" {
		t.Errorf("interrupt %v, copied %q", irq.Level, got)
	}
	b.Write("STATUS", StatusDone)
	b.Want("STATUS", 0)
	if irq.Level {
		t.Error("interrupt stays")
	}
}

func TestFailures(t *testing.T) {
	end := uint64(mmiotest.MemoryBase) + 1<<20
	for _, c := range []struct {
		name  string
		op    Op
		p     params
		fault Fault
		addr  uint64
		kind  mmio.EventKind
	}{
		{"reads nothing", OpChecksum, params{"SRC": 0x1000, "LENGTH": 1}, FaultRead, 0x1000, mmio.EventBadDMA},
		{"reads beyond the end", OpChecksum, params{"SRC": end - chunk, "LENGTH": chunk + 1}, FaultRead, end, mmio.EventBadDMA},
		{"writes beyond the end", OpFill, params{"DST": end - 4, "LENGTH": 8}, FaultWrite, end, mmio.EventBadDMA},
		{"copies to nowhere", OpCopy, params{"SRC": end - 4, "DST": 8, "LENGTH": 4}, FaultWrite, 8, mmio.EventBadDMA},
		{"wraps", OpFill, params{"DST": ^uint64(0) - 1, "LENGTH": 2 * chunk}, FaultWrite, ^uint64(0) - 1, mmio.EventBadDMA},
		{"too long", OpFill, params{"DST": end, "LENGTH": MaxLength + 1}, FaultLength, 0, mmio.EventBadValue},
		{"no command", 0, nil, FaultCommand, 0, mmio.EventBadValue},
		{"unknown command", 77, nil, FaultCommand, 0, mmio.EventBadValue},
	} {
		t.Run(c.name, func(t *testing.T) {
			env, _, b := fixture(t)
			b.Write("IRQ_ENABLE", StatusError)
			start(b, c.op, c.p)
			b.Want("STATUS", StatusDone|StatusError)
			b.Want("ERROR", uint64(c.fault))
			b.Want("FAULT", c.addr)
			if !env.Line("irq").Level {
				t.Error("no interrupt")
			}
			if n := env.Events.Count(c.kind, ""); n != 1 || len(env.Events.List) != 1 {
				t.Errorf("%d of %d events are of kind %v", n, len(env.Events.List), c.kind)
			}
			start(b, OpChecksum, params{"SRC": uint64(mmiotest.MemoryBase)})
			b.Want("STATUS", StatusDone)
			b.Want("ERROR", uint64(FaultNone))
		})
	}
}

func TestCommandsWhileBusy(t *testing.T) {
	env, _, b := fixture(t)
	fill := params{"DST": uint64(mmiotest.MemoryBase), "LENGTH": 4, "PATTERN": 0x2e2e2e2e, "DELAY": 50}
	start(b, OpFill, fill)
	b.Write("COMMAND", uint64(OpCopy))
	b.Want("STATUS", StatusBusy)
	if n := env.Events.Count(mmio.EventBadValue, "COMMAND"); n != 1 {
		t.Errorf("%d events", n)
	}
	b.Write("COMMAND", uint64(OpAbort))
	b.Want("STATUS", StatusDone|StatusError)
	b.Want("ERROR", uint64(FaultAborted))
	b.Write("COMMAND", uint64(OpAbort)) // too late is no mistake
	env.Clock.Advance(time.Second)
	if string(env.Memory.Bytes[:4]) == "...." || len(env.Events.List) != 1 {
		t.Errorf("an aborted command wrote, or was reported: %v", env.Events.List)
	}
}

func TestResetStopsTheCommand(t *testing.T) {
	env, d, b := fixture(t)
	b.Write("IRQ_ENABLE", StatusDone)
	start(b, OpFill, params{"DST": uint64(mmiotest.MemoryBase), "LENGTH": 4, "PATTERN": 0x2e2e2e2e, "DELAY": 50})
	d.Reset()
	env.Clock.Advance(time.Second)
	b.Want("STATUS", 0)
	if string(env.Memory.Bytes[:4]) == "...." || env.Line("irq").Level {
		t.Error("it went on")
	}
}

func TestBadStateIsRefused(t *testing.T) {
	_, d, b := fixture(t)
	start(b, OpFill, params{"DST": uint64(mmiotest.MemoryBase), "LENGTH": 4, "DELAY": 50})
	good, err := d.SaveState()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ from, to string }{
		{`"Length":4`, fmt.Sprintf(`"Length":%d`, MaxLength+1)},
		{`"Length":4`, `"Length":-1`},
		{`"Op":2`, `"Op":4`},
		{`"Op":2`, `"Op":0`}, // busy with nothing
	} {
		bad := strings.Replace(string(good), c.from, c.to, 1)
		if bad == string(good) || d.LoadState([]byte(bad)) == nil {
			t.Errorf("%s was accepted", c.to)
		}
	}
	if err := d.LoadState(good); err != nil {
		t.Error(err)
	}
}

func TestDeviceTree(t *testing.T) {
	n := mmiotest.Describe(newTester(mmiotest.NewEnv()))
	if _, ok := n.Props["dma-noncoherent"]; !ok || n.Props["compatible"] != "vdev,dma-tester" {
		t.Errorf("properties %v", n.Props)
	}
}
