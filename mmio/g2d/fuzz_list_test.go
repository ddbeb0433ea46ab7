// SPDX-License-Identifier: Apache-2.0

package g2d

import (
	"encoding/binary"
	"testing"
	"time"

	"vdev/mmio"
	"vdev/mmio/mmiotest"
)

// hostileLists are memory from listBase on, by what is wrong with it.
func hostileLists(d *G2D) map[string][]uint32 {
	off := func(reg string) uint32 {
		id, ok := d.Lookup(reg)
		if !ok {
			panic("BUG: no register " + reg)
		}
		return uint32(d.Reg(id).Offset)
	}
	list := func(next uint32, pairs ...uint32) []uint32 {
		l := []uint32{uint32(len(pairs) / 2)}
		for i := 0; i < len(pairs); i += 2 {
			l = append(l, pairs[i], pairs[i+1])
		}
		return append(l, next)
	}
	const at, dst, src = uint32(listBase), uint32(dstBase), uint32(srcBase)
	start := func(pairs ...uint32) []uint32 { return append(pairs, off("BITBLT_START"), startBitblt) }
	fill := func(base, stride, w, h uint32) []uint32 {
		return start(off("BITBLT_COMMAND"), cmdFill, off("DST_BASE_ADDR"), base, off("DST_STRIDE"), stride, off("DST_COLOR_MODE"), fmtARGB8888, off("DST_RIGHT_BOTTOM"), w|h<<16)
	}
	copyTo := func(mode, base, stride, w, h uint32) []uint32 {
		return start(off("SRC_SELECT"), selectMemory, off("SRC_BASE_ADDR"), src, off("SRC_STRIDE"), stride, off("SRC_COLOR_MODE"), mode, off("SRC_RIGHT_BOTTOM"), w|h<<16,
			off("DST_BASE_ADDR"), base, off("DST_STRIDE"), stride, off("DST_COLOR_MODE"), mode, off("DST_RIGHT_BOTTOM"), w|h<<16)
	}
	two := append(list(at+4*40, fill(dst, 64, 2, 2)...), make([]uint32, 64)...)
	copy(two[40:], list(at, fill(dst, 64, 2, 2)...))
	lists := map[string][]uint32{
		"loops":                    list(at, fill(dst, 64, 2, 2)...),
		"loops without work":       list(at),
		"loops through another":    two,
		"loops into its middle":    list(at+8, fill(dst, 64, 2, 2)...),
		"loops holding":            list(at, append([]uint32{off("DMA_HOLD_CMD"), holdBitblt | holdList, off("INTEN"), intBits}, fill(dst, 64, 2, 2)...)...),
		"loops resetting":          list(at, off("SOFT_RESET"), resetClear, off("SOFT_RESET"), resetClear),
		"overwrites itself":        list(at, fill(at, 64, 64, 4)...),
		"copied over itself":       list(at, copyTo(fmtARGB8888, at, 256, 64, 64)...),
		"next wraps":               list(0xffff_fffc),
		"next odd":                 list(at+1, fill(dst, 64, 2, 2)...),
		"length of all ones":       {0xffff_ffff},
		"length that wraps":        {0x4000_0000},
		"longest":                  {MaxPairs},
		"giant stride":             list(0, fill(dst, 0x7fff, maxSide, maxSide)...),
		"giant negative stride":    list(0, fill(dst, 0x8000, maxSide, maxSide)...),
		"stride 0":                 list(0, copyTo(fmtRGB565, dst, 0, maxSide, maxSide)...),
		"address wraps in a row":   list(0, fill(0xffff_f000, 0, 4000, 2)...),
		"address wraps in rows":    list(0, fill(0xffff_0000, 0x7fff, 16, 16)...),
		"address below 0":          list(0, fill(0, 0xffff, 16, 16)...),
		"larger than any picture":  list(0, fill(dst, 64, 0x1fff, 0x1fff)...),
		"coordinates beyond":       list(0, fill(dst, 64, 0xffff, 0xffff)...),
		"reserved color mode bits": list(0, copyTo(0xfffc_cc40|fmtARGB8888, dst, 64, 4, 4)...),
	}
	for code := range uint32(16) {
		lists["format "+string(rune('A'+code))] = list(0, copyTo(code, dst, 64, 4, 4)...)
		lists["format of two planes "+string(rune('A'+code))] = list(0, copyTo(code|1<<8, dst, 64, 4, 4)...)
		lists["format of four planes "+string(rune('A'+code))] = list(0, copyTo(code|3<<8|3<<12, dst, 64, 4, 4)...)
	}
	return lists
}

// FuzzList runs arbitrary memory as a command list: the engine ends or goes on, in
// bounded steps, and is free again after a reset.
func FuzzList(f *testing.F) {
	_, d, _ := fixture(f)
	for _, words := range hostileLists(d) {
		var script []byte
		for _, w := range words {
			script = binary.LittleEndian.AppendUint32(script, w)
		}
		f.Add(script)
	}
	f.Fuzz(func(t *testing.T, script []byte) { runHostileList(t, script) })
}

func runHostileList(t testing.TB, script []byte) {
	env := mmiotest.NewEnv()
	mem := &countedMemory{DMA: &env.Memory}
	d := New(Config{Name: "g2d", Clock: &env.Clock, IRQ: env.Line("irq"), DMA: mem, Events: &env.Events})
	b := mmiotest.NewBench(t, d, &env.Events)
	copy(env.Memory.Bytes[listBase-uint64(mmiotest.MemoryBase):], script)
	startLists(b, listBase)
	for range 100 {
		due, armed := env.Clock.Next()
		if !armed {
			if b.Read("DMA_STATUS")&statusDone != 0 {
				break
			}
			b.Write("DMA_COMMAND", dmaContinue)
			continue
		}
		before := env.Clock.Now()
		mem.transfers = 0
		env.Clock.Advance(due - before)
		if mem.transfers > 3*bandPixels+10 {
			t.Errorf("%d transfers in a step", mem.transfers)
		}
		if due < before {
			t.Errorf("a timer for %v was set at %v", due, before)
		}
	}
	if now := env.Clock.Now(); now > time.Minute {
		t.Errorf("a hundred steps took %v", now)
	}
	b.Write("SOFT_RESET", resetEngine|resetClear)
	putWords(t, env, listBase, 0, 0)
	startLists(b, listBase)
	env.Clock.Advance(aLongTime)
	b.Want("INTC_PEND", intAll)
}

// What each of the lists is reported as; the others are not worth a report.
func TestHostileLists(t *testing.T) {
	want := map[string]mmio.EventKind{
		"next wraps": mmio.EventBadDMA, "length of all ones": mmio.EventBadDescriptor, "length that wraps": mmio.EventBadDescriptor,
		"giant stride": mmio.EventBadDMA, "giant negative stride": mmio.EventBadDMA, "address wraps in a row": mmio.EventBadDMA,
		"address wraps in rows": mmio.EventBadDMA, "address below 0": mmio.EventBadDMA, "larger than any picture": mmio.EventBadValue,
		"coordinates beyond": mmio.EventBadValue, "format P": mmio.EventBadValue, "format K": mmio.EventBadValue, "format of four planes J": mmio.EventBadValue,
	}
	_, d, _ := fixture(t)
	lists := hostileLists(d)
	for name, kind := range want {
		env, d, b := fixture(t)
		if lists[name] == nil {
			t.Fatalf("no list %q", name)
		}
		putWords(t, env, listBase, lists[name]...)
		startLists(b, listBase)
		env.Clock.Advance(10 * time.Millisecond)
		if env.Events.Count(kind, "") != 1 || len(env.Events.List) != 1 {
			t.Errorf("%s: events %v", name, env.Events.List)
		}
		if d.Peek(regDMAStatus, 0)&statusDone == 0 {
			t.Errorf("%s: not done", name)
		}
	}
}
