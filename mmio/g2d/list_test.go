// SPDX-License-Identifier: Apache-2.0

package g2d

import (
	"bytes"
	"encoding/binary"
	"testing"
	"time"

	"vdev/mmio"
	"vdev/mmio/mmiotest"
)

// pair is a register write of a command list.
type pair struct {
	reg string
	v   uint64
}

// list is what Linux's exynos_g2d_set_cmdlist_ioctl makes of a user's commands. With
// event, the engine holds when it is done.
func list(event bool, user ...pair) []pair {
	l := []pair{{"SOFT_RESET", resetClear}, {"SRC_BASE_ADDR", 0}}
	if event {
		l = append(l, pair{"INTEN", intAll | intList}, pair{"DMA_HOLD_CMD", holdList})
	} else {
		l = append(l, pair{"INTEN", intAll})
	}
	return append(append(l, user...), pair{"BITBLT_START", startBitblt})
}

// fillCommands are those of libdrm's g2d_solid_fill: n pixels at dstBase+off.
func fillCommands(off uint64, n int, color uint64) []pair {
	return []pair{{"DST_SELECT", selectMemory}, {"DST_COLOR_MODE", fmtARGB8888}, {"DST_BASE_ADDR", dstBase + off}, {"DST_STRIDE", 4096},
		{"DST_LEFT_TOP", 0}, {"DST_RIGHT_BOTTOM", point(n, 1)}, {"SF_COLOR", color}, {"BITBLT_COMMAND", cmdFill}}
}

// put writes a list to memory, followed by the address of the next one.
func put(t testing.TB, env *mmiotest.Env, d *G2D, at uint64, l []pair, next uint64) {
	t.Helper()
	words := []uint32{uint32(len(l))}
	for _, p := range l {
		id, ok := d.Lookup(p.reg)
		if !ok {
			t.Fatalf("no register %s", p.reg)
		}
		words = append(words, uint32(d.Reg(id).Offset), uint32(p.v))
	}
	putWords(t, env, at, append(words, uint32(next))...)
}

func putWords(t testing.TB, env *mmiotest.Env, at uint64, words ...uint32) {
	t.Helper()
	var b []byte
	for _, w := range words {
		b = binary.LittleEndian.AppendUint32(b, w)
	}
	if err := env.Memory.WriteDMA(mmio.IOVA(at), b); err != nil {
		t.Fatal(err)
	}
}

func startLists(b *mmiotest.Bench, at uint64) {
	b.Write("DMA_SFR_BASE_ADDR", at)
	b.Write("DMA_COMMAND", dmaStart)
}

func pixelAt(env *mmiotest.Env, addr uint64) uint32 {
	return binary.LittleEndian.Uint32(env.Memory.Bytes[addr-uint64(mmiotest.MemoryBase):])
}

// status is DMA_STATUS.
func status(lists, bitblts, done uint64) uint64 {
	return lists<<statusListLo | bitblts<<statusBitbltLo | done
}

func TestLists(t *testing.T) {
	env, d, b := fixture(t)
	const second = listBase + 0x400
	put(t, env, d, listBase, list(false, fillCommands(0, 3, 0x11223344)...), second)
	put(t, env, d, second, list(false, fillCommands(0x100, 2, 0x55667788)...), 0)
	want := bytes.Clone(env.Memory.Bytes)
	for i := range 3 {
		binary.LittleEndian.PutUint32(want[dstBase-uint64(mmiotest.MemoryBase)+uint64(4*i):], 0x11223344)
	}
	for i := range 2 {
		binary.LittleEndian.PutUint32(want[dstBase-uint64(mmiotest.MemoryBase)+0x100+uint64(4*i):], 0x55667788)
	}
	startLists(b, listBase)
	lead := fetchTime + time.Duration(len(list(false, fillCommands(0, 0, 0)...)))*pairTime
	env.Clock.Advance(lead + 3*pixelTime - 1)
	b.Want("DMA_STATUS", status(0, 0, 0))
	b.Want("FIFO_STAT", 0)
	env.Clock.Advance(1)
	b.Want("DMA_STATUS", status(1, 1, 0))
	b.Want("FIFO_STAT", 1)
	if env.Line("irq").Level {
		t.Error("interrupt before the last list is done")
	}
	env.Clock.Advance(lead + 2*pixelTime)
	b.Want("DMA_STATUS", status(2, 2, statusDone))
	b.Want("INTC_PEND", intAll)
	if !env.Line("irq").Level || env.Line("irq").Rises != 1 {
		t.Error("no interrupt, or more than one")
	}
	b.Write("INTC_PEND", intAll)
	if env.Line("irq").Level {
		t.Error("the interrupt stays")
	}
	if !bytes.Equal(env.Memory.Bytes, want) {
		t.Error("memory is wrong")
	}
	if len(env.Events.List) != 0 {
		t.Errorf("events: %v", env.Events.List)
	}
}

// Linux's interrupt handler, for two lists with an event each.
func TestListHold(t *testing.T) {
	env, d, b := fixture(t)
	const second = listBase + 0x400
	put(t, env, d, listBase, list(true, fillCommands(0, 1, 1)...), second)
	put(t, env, d, second, list(true, fillCommands(4, 1, 2)...), 0)
	startLists(b, listBase)
	for n := uint64(1); n <= 2; n++ {
		env.Clock.Advance(aLongTime)
		b.Want("INTC_PEND", intList)
		b.Want("DMA_STATUS", status(n, n, 0))
		if !env.Line("irq").Level {
			t.Fatal("no interrupt")
		}
		b.Write("INTC_PEND", intList)
		b.Write("DMA_HOLD_CMD", 0)
		b.Write("DMA_COMMAND", dmaContinue)
	}
	b.Want("INTC_PEND", intAll)
	b.Want("DMA_STATUS", status(2, 2, statusDone))
	if pixelAt(env, dstBase) != 1 || pixelAt(env, dstBase+4) != 2 {
		t.Error("memory is wrong")
	}
	// The engine is free again.
	startLists(b, second)
	b.Want("DMA_STATUS", 0)
}

// twoFills is one list with two bitblts.
func twoFills(noHold uint64) []pair {
	l := list(false, fillCommands(0, 1, 1)...)
	l[len(l)-1].v |= noHold
	return append(l, pair{"DST_BASE_ADDR", dstBase + 4}, pair{"SF_COLOR", 2}, pair{"BITBLT_START", startBitblt})
}

func TestBitbltHold(t *testing.T) {
	env, d, b := fixture(t)
	put(t, env, d, listBase, twoFills(0), 0)
	b.Write("DMA_HOLD_CMD", holdBitblt)
	startLists(b, listBase)
	for n := uint64(1); n <= 2; n++ {
		env.Clock.Advance(aLongTime)
		b.Want("DMA_STATUS", status(0, n, 0))
		b.Want("INTC_PEND", intUser)
		b.Write("INTC_PEND", intUser)
		b.Write("DMA_COMMAND", dmaContinue)
	}
	b.Want("DMA_STATUS", status(1, 2, statusDone))

	put(t, env, d, listBase, twoFills(startNoHold), 0)
	startLists(b, listBase)
	env.Clock.Advance(aLongTime)
	b.Want("DMA_STATUS", status(0, 2, 0)) // no hold after the first
}

func TestHalt(t *testing.T) {
	env, d, b := fixture(t)
	put(t, env, d, listBase, twoFills(0), 0)
	startLists(b, listBase)
	env.Clock.Advance(fetchTime)
	b.Write("DMA_COMMAND", dmaHalt)
	env.Clock.Advance(aLongTime)
	b.Want("DMA_STATUS", status(0, 1, 0))
	b.Want("INTC_PEND", 0)
	b.Write("DMA_COMMAND", dmaContinue)
	env.Clock.Advance(aLongTime)
	b.Want("DMA_STATUS", status(1, 2, statusDone))
}

// The pair behind a reset of the registers is swallowed.
func TestListClears(t *testing.T) {
	env, d, b := fixture(t)
	b.Write("ROP4", 0x1234)
	put(t, env, d, listBase, []pair{{"SOFT_RESET", resetClear}, {"FG_COLOR", 5}, {"BG_COLOR", 6}}, 0)
	startLists(b, listBase)
	env.Clock.Advance(aLongTime)
	b.Want("ROP4", ropSrc)
	b.Want("FG_COLOR", 0)
	b.Want("BG_COLOR", 6)
}

// A list that points to itself keeps the engine busy, but nobody else.
func TestListLoop(t *testing.T) {
	env, d, b := fixture(t)
	l := list(false, fillCommands(0, 1, 1)...)
	put(t, env, d, listBase, l, listBase)
	startLists(b, listBase)
	env.Clock.Advance(time.Millisecond)
	rounds := uint64(time.Millisecond / (fetchTime + time.Duration(len(l))*pairTime + pixelTime))
	b.Want("DMA_STATUS", status(rounds&statusListMask, rounds, 0))
	b.Write("SOFT_RESET", resetEngine|resetClear)
	if _, armed := env.Clock.Next(); armed {
		t.Error("still at work after the reset")
	}
	b.Want("DMA_STATUS", 0)
}

func TestBadLists(t *testing.T) {
	memory := uint32(listBase)
	for _, c := range []struct {
		name  string
		words []uint32
		at    uint64
		kind  mmio.EventKind
		what  string
	}{
		{"outside of memory", nil, 0x1000, mmio.EventBadDMA, "DMA_SFR_BASE_ADDR"},
		{"end of the address space", nil, 0xffff_fffe, mmio.EventBadDMA, "DMA_SFR_BASE_ADDR"},
		{"next outside of memory", []uint32{0, 0x1000}, listBase, mmio.EventBadDMA, "DMA_SFR_BASE_ADDR"},
		{"runs out of memory", []uint32{1}, uint64(mmiotest.MemoryBase) + 1<<20 - 4, mmio.EventBadDMA, "DMA_SFR_BASE_ADDR"},
		{"too long", []uint32{MaxPairs + 1}, listBase, mmio.EventBadDescriptor, "length of command list"},
		{"starts itself", []uint32{1, 0x84, dmaStart, 0}, listBase, mmio.EventBadDescriptor, "register in command list"},
		{"moves itself", []uint32{1, 0x80, memory, 0}, listBase, mmio.EventBadDescriptor, "register in command list"},
		{"resets the engine", []uint32{1, 0, resetEngine, 0}, listBase, mmio.EventBadDescriptor, "register in command list"},
		{"odd offset", []uint32{1, 0x705, 0, 0}, listBase, mmio.EventBadDescriptor, "register in command list"},
		{"outside of the window", []uint32{1, 0x1000, 0, 0}, listBase, mmio.EventBadDescriptor, "register in command list"},
		{"hole", []uint32{1, 0x8f0, 0, 0}, listBase, mmio.EventHole, "write"},
		{"read-only", []uint32{1, 0x8c, 0, 0}, listBase, mmio.EventReadOnly, "DMA_STATUS"},
		{"casesel", []uint32{1, 0x100, startCaseSel, 0}, listBase, mmio.EventUnimplemented, "BITBLT_START"},
		{"bad bitblt", []uint32{1, 0x100, startBitblt, 0}, listBase, mmio.EventBadValue, "DST_RIGHT_BOTTOM"},
	} {
		t.Run(c.name, func(t *testing.T) {
			env, _, b := fixture(t)
			if c.words != nil {
				putWords(t, env, c.at, c.words...)
			}
			startLists(b, c.at)
			env.Clock.Advance(aLongTime)
			if env.Events.Count(c.kind, c.what) != 1 || len(env.Events.List) != 1 {
				t.Errorf("events: %v", env.Events.List)
			}
			b.Want("INTC_PEND", intAll) // nobody waits for ever
			if b.Read("DMA_STATUS")&statusDone == 0 {
				t.Error("not done")
			}
		})
	}
}
