// SPDX-License-Identifier: Apache-2.0

package g2d

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"testing"
	"time"

	"vdev/mmio"
	"vdev/mmio/mmiotest"
)

// Registers that make no sense are reported by name, and the bitblt counts as done.
func TestRefused(t *testing.T) {
	pattern := setting{"ROP4": 0xf0, "THIRD_OPERAND": thirdPattern}
	for _, c := range []struct {
		reg  string
		v    uint64
		cmd  uint64
		with setting
	}{
		{reg: "DST_COLOR_MODE", v: 13}, {reg: "DST_COLOR_MODE", v: 15, cmd: cmdFill},
		{reg: "DST_COLOR_MODE", v: fmtYCbCr420}, {reg: "DST_COLOR_MODE", v: fmtYCbCr444 | 3<<8}, {reg: "DST_COLOR_MODE", v: 14},
		{reg: "DST_RIGHT_BOTTOM", v: point(3, 2), with: setting{"DST_COLOR_MODE": fmtYCbCr422}},
		{reg: "DST_RIGHT_BOTTOM", v: point(2, 3), with: setting{"DST_COLOR_MODE": fmtYCbCr420 | 1<<8}, cmd: cmdFill},
		{reg: "DST_LEFT_TOP", v: point(1, 0), with: setting{"DST_COLOR_MODE": fmtYCbCr420 | 1<<8, "DST_RIGHT_BOTTOM": point(2, 2)}},
		{reg: "DST_STRIDE", v: 63, with: setting{"DST_COLOR_MODE": fmtYCbCr422 | 1<<8, "DST_RIGHT_BOTTOM": point(2, 2)}},
		{reg: "SRC_RIGHT_BOTTOM", v: point(1, 1), with: setting{"SRC_COLOR_MODE": fmtYCbCr422}},
		{reg: "SRC_LEFT_TOP", v: point(0, 1), with: setting{"SRC_COLOR_MODE": fmtYCbCr420 | 1<<8, "SRC_RIGHT_BOTTOM": point(2, 2)}},
		{reg: "DST_RIGHT_BOTTOM", v: 0}, {reg: "DST_RIGHT_BOTTOM", v: point(maxSide+1, 1)}, {reg: "DST_RIGHT_BOTTOM", v: point(1, maxSide+1), cmd: cmdFill},
		{reg: "DST_SELECT", v: 3}, {reg: "SRC_SELECT", v: 3},
		{reg: "SRC_COLOR_MODE", v: 14}, {reg: "SRC_COLOR_MODE", v: fmtYCbCr420}, {reg: "SRC_COLOR_MODE", v: fmtYCbCr422 | 2<<8}, {reg: "SRC_COLOR_MODE", v: fmtYCbCr422 | 1<<8 | 2<<12},
		{reg: "SRC_RIGHT_BOTTOM", v: point(0, 1)}, {reg: "SRC_REPEAT_MODE", v: 5},
		{reg: "BITBLT_COMMAND", v: 3 << 12},
		{reg: "BLEND_FUNCTION", v: numCoeffs, cmd: cmdBlend}, {reg: "BLEND_FUNCTION", v: 3 << 12, cmd: cmdBlend}, {reg: "BLEND_FUNCTION", v: blendDarken | blendLighten, cmd: cmdBlend},
		{reg: "MASK_MODE", v: 3 << 8, cmd: cmdMasking}, {reg: "MASK_RIGHT_BOTTOM", v: 0, cmd: cmdMasking},
		{reg: "MASK_REPEAT_MODE", v: 7, cmd: cmdMaskROP4, with: setting{"MASK_RIGHT_BOTTOM": point(1, 1)}},
		{reg: "THIRD_OPERAND", v: 3, with: setting{"ROP4": 0xf0}},
		{reg: "PAT_COLOR_MODE", v: 13, with: pattern}, {reg: "PAT_COLOR_MODE", v: fmtA8, with: pattern}, {reg: "PAT_COLOR_MODE", v: fmtL8, with: pattern},
		{reg: "PAT_COLOR_MODE", v: fmtYCbCr422, with: pattern}, {reg: "PAT_SIZE", v: 0, with: pattern},
	} {
		env, _, b := fixture(t)
		before := bytes.Clone(env.Memory.Bytes)
		s := argbCopy(1, 1, 1, 1)
		s["BITBLT_COMMAND"] = c.cmd
		for name, v := range c.with {
			s[name] = v
		}
		s[c.reg] = c.v
		s.start(b)
		env.Clock.Advance(aLongTime)
		if len(env.Events.List) != 1 || env.Events.Count(mmio.EventBadValue, c.reg) != 1 {
			t.Errorf("%s = %#x: events %v", c.reg, c.v, env.Events.List)
		}
		b.Want("INTC_PEND", intSlave)
		b.Want("FIFO_STAT", 1)
		if !bytes.Equal(before, env.Memory.Bytes) {
			t.Errorf("%s = %#x: drew all the same", c.reg, c.v)
		}
	}
}

// What the model lacks is counted when it is asked for.
func TestUnimplemented(t *testing.T) {
	for _, c := range []struct {
		reg string
		v   uint64
	}{
		{"BITBLT_COMMAND", cmdDither}, {"BITBLT_COMMAND", cmdYSrcKey}, {"BITBLT_COMMAND", cmdYDstKey}, {"BITBLT_COMMAND", 2 << 20},
		{"BLEND_FUNCTION", 1 << 22}, {"DMA_HOLD_CMD", holdUser}, {"DMA_EXE_LIST_NUM", 1}, {"BITBLT_START", startCaseSel}, {"YCBCR_SRC_COLORKEY_CTRL", 1}, {"GAMMA_TABLE", 1},
	} {
		env, _, b := fixture(t)
		b.Write(c.reg, c.v)
		if env.Events.Count(mmio.EventUnimplemented, c.reg) != 1 {
			t.Errorf("%s = %#x: events %v", c.reg, c.v, env.Events.List)
		}
	}
	env, _, b := fixture(t)
	s := argbCopy(1, 1, 1, 1)
	s["MASK_MODE"], s["BITBLT_COMMAND"] = maskFont, cmdMasking
	s.start(b)
	if env.Events.Count(mmio.EventUnimplemented, "MASK_MODE") != 1 {
		t.Errorf("font mask: events %v", env.Events.List)
	}
	b.Want("INTC_PEND", intSlave)
}

// A bus error ends the bitblt and is reported once, with the image and the address.
func TestFaults(t *testing.T) {
	end := uint64(mmiotest.MemoryBase) + 1<<20
	for _, c := range []struct {
		name string
		set  setting
		what string
		addr uint64
	}{
		{"source", setting{"SRC_BASE_ADDR": 0x1000}, "SRC_BASE_ADDR", 0x1000},
		{"source, second row", setting{"SRC_BASE_ADDR": end - 64}, "SRC_BASE_ADDR", end},
		{"chroma", setting{"SRC_COLOR_MODE": fmtYCbCr420 | 1<<8, "SRC_PLANE2_BASE_ADDR": 0x2000}, "SRC_PLANE2_BASE_ADDR", 0x2000},
		{"rotated", setting{"ROTATE": 1, "SRC_BASE_ADDR": 0x1000}, "SRC_BASE_ADDR", 0x1000 + 3*4},
		{"destination", setting{"DST_BASE_ADDR": 0x3000}, "DST_BASE_ADDR", 0x3000},
		{"destination, to read", setting{"DST_BASE_ADDR": 0x3000, "BITBLT_COMMAND": cmdBlend}, "DST_BASE_ADDR", 0x3000},
		{"fill", setting{"DST_BASE_ADDR": 0x3000, "BITBLT_COMMAND": cmdFill}, "DST_BASE_ADDR", 0x3000},
		{"wrapping address", setting{"DST_BASE_ADDR": 0xffff_fff8, "BITBLT_COMMAND": cmdFill}, "DST_BASE_ADDR", addressEnd},
		{"giant stride", setting{"DST_STRIDE": 0x7fff, "DST_BASE_ADDR": end - 0x4000, "BITBLT_COMMAND": cmdFill}, "DST_BASE_ADDR", end + 0x3fff},
		{"giant stride upwards", setting{"DST_STRIDE": 0x8000, "DST_BASE_ADDR": uint64(mmiotest.MemoryBase), "BITBLT_COMMAND": cmdFill}, "DST_BASE_ADDR", uint64(mmiotest.MemoryBase) - 0x8000},
		{"before address 0", setting{"SRC_STRIDE": 0x8000, "SRC_BASE_ADDR": 0x7ff0, "SRC_LEFT_TOP": point(0, 1)}, "SRC_BASE_ADDR", 1<<64 - 0x10},
		{"chroma of the destination", setting{"DST_COLOR_MODE": fmtYCbCr420 | 1<<8, "DST_PLANE2_BASE_ADDR": 0x2000}, "DST_PLANE2_BASE_ADDR", 0x2000},
		{"mask", setting{"MASK_BASE_ADDR": 0x4000, "MASK_RIGHT_BOTTOM": point(4, 4), "BITBLT_COMMAND": cmdMasking}, "MASK_BASE_ADDR", 0x4000},
		{"pattern", setting{"PAT_BASE_ADDR": 0x5000, "ROP4": 0xf0, "THIRD_OPERAND": thirdPattern}, "PAT_BASE_ADDR", 0x5000},
	} {
		t.Run(c.name, func(t *testing.T) {
			env, _, b := fixture(t)
			s := argbCopy(4, 4, 4, 4)
			for name, v := range c.set {
				s[name] = v
			}
			s.start(b)
			env.Clock.Advance(aLongTime)
			if len(env.Events.List) != 1 {
				t.Fatalf("events: %v", env.Events.List)
			}
			e := env.Events.List[0]
			if e.Kind != mmio.EventBadDMA || e.What != c.what || e.Value != c.addr {
				t.Errorf("event %+v, want %s at %#x", e, c.what, c.addr)
			}
			b.Want("INTC_PEND", intSlave)
		})
	}
}

// Only what counts is read: the source ends where memory ends.
func TestReadsNoMore(t *testing.T) {
	end := uint64(mmiotest.MemoryBase) + 1<<20
	for name, c := range map[string]setting{
		"clipped":           {"SRC_BASE_ADDR": end - 64 - 8, "BITBLT_COMMAND": cmdClip, "CW_RB": point(2, 2)},
		"whole factor":      {"SRC_BASE_ADDR": end - 3*64 - 16, "SRC_SCALE_CTRL": scaleBilinear},
		"window of nothing": {"SRC_BASE_ADDR": 0, "DST_BASE_ADDR": 0, "BITBLT_COMMAND": cmdClip},
		"background":        {"DST_SELECT": selectBG, "SRC_SELECT": selectFG, "SRC_BASE_ADDR": 0, "BITBLT_COMMAND": cmdBlend},
		"no third operand":  {"PAT_BASE_ADDR": 0, "PAT_SIZE": 0},
		"mask not used":     {"MASK_BASE_ADDR": 0, "MASK_RIGHT_BOTTOM": point(1, 1), "ROP4": 0xcccc, "BITBLT_COMMAND": cmdMaskROP4},
	} {
		env, _, b := fixture(t)
		s := argbCopy(4, 4, 4, 4)
		for reg, v := range c {
			s[reg] = v
		}
		s.start(b)
		env.Clock.Advance(aLongTime)
		b.Want("INTC_PEND", intSlave)
		if len(env.Events.List) != 0 {
			t.Errorf("%s: events %v", name, env.Events.List)
		}
	}
}

func TestBusy(t *testing.T) {
	env, _, b := fixture(t)
	argbCopy(4, 4, 4, 4).start(b)
	b.Write("BITBLT_START", startBitblt)
	b.Write("DMA_COMMAND", dmaStart)
	if env.Events.Count(mmio.EventBadValue, "BITBLT_START") != 1 || env.Events.Count(mmio.EventBadValue, "DMA_COMMAND") != 1 {
		t.Errorf("events: %v", env.Events.List)
	}
	b.Write("DMA_COMMAND", dmaHalt|dmaContinue) // of no lists
	b.Write("SRC_BASE_ADDR", 0)                 // the bitblt under way does not look
	env.Clock.Advance(aLongTime)
	b.Want("INTC_PEND", intSlave)
	b.Want("DMA_STATUS", 0)
}

// A large job is done in bands; in the middle, part of it is in memory, and a device
// that takes over from a saved state does the rest.
func TestBands(t *testing.T) {
	const w, h = 300, 700 // rows of a band: 65536/300 = 218
	for _, cmd := range []uint64{cmdFill, 0, cmdBlend} {
		env, d, b := fixture(t)
		s := setting{"SRC_BASE_ADDR": srcBase, "SRC_STRIDE": 100, "SRC_COLOR_MODE": fmtL8, "SRC_RIGHT_BOTTOM": point(w, h), "BITBLT_COMMAND": cmd,
			"DST_BASE_ADDR": dstBase, "DST_STRIDE": 2 * w, "DST_COLOR_MODE": fmtRGB565, "DST_RIGHT_BOTTOM": point(w, h), "SF_COLOR": 0xf81f}
		before := bytes.Clone(env.Memory.Bytes)
		s.start(b)
		off := int(dstBase - uint64(mmiotest.MemoryBase))
		drawn := func() (rows int) {
			for rows < h && !bytes.Equal(env.Memory.Bytes[off+rows*2*w:][:2*w], before[off+rows*2*w:][:2*w]) {
				rows++
			}
			return rows
		}
		env.Clock.Advance(218*w*pixelTime - 1)
		if n := drawn(); n != 0 {
			t.Errorf("%d rows before the first band is due", n)
		}
		env.Clock.Advance(1)
		if n := drawn(); n != 218 {
			t.Errorf("%d rows in the first band", n)
		}
		data, err := d.SaveState()
		if err != nil {
			t.Fatal(err)
		}
		other := mmiotest.NewEnv()
		other.Clock.Advance(env.Clock.Now())
		copy(other.Memory.Bytes, env.Memory.Bytes)
		d2 := newG2D(other)
		if err := d2.LoadState(data); err != nil {
			t.Fatal(err)
		}
		env.Clock.Advance(aLongTime)
		other.Clock.Advance(aLongTime)
		if drawn() != h || !bytes.Equal(env.Memory.Bytes, other.Memory.Bytes) {
			t.Errorf("command %#x: the copy of the device drew something else", cmd)
		}
		if d2.Peek(regIntcPend, 0) != intSlave {
			t.Error("the copy of the device is not done")
		}
	}
}

// A list under way, held or running, survives saving.
func TestListSaved(t *testing.T) {
	for _, hold := range []uint64{0, holdBitblt, holdList} {
		env, d, b := fixture(t)
		put(t, env, d, listBase, twoFills(0), listBase+0x400)
		put(t, env, d, listBase+0x400, twoFills(0), 0)
		b.Write("DMA_HOLD_CMD", hold)
		startLists(b, listBase)
		env.Clock.Advance(fetchTime + pixelTime)
		data, err := d.SaveState()
		if err != nil {
			t.Fatal(err)
		}
		other := mmiotest.NewEnv()
		other.Clock.Advance(env.Clock.Now())
		copy(other.Memory.Bytes, env.Memory.Bytes)
		d2 := newG2D(other)
		if err := d2.LoadState(data); err != nil {
			t.Fatal(err)
		}
		b2 := mmiotest.NewBench(t, d2, nil)
		for range 5 {
			env.Clock.Advance(time.Millisecond)
			other.Clock.Advance(time.Millisecond)
			if x, y := b.Read("DMA_STATUS"), b2.Read("DMA_STATUS"); x != y {
				t.Errorf("hold %d: status %#x and %#x", hold, x, y)
			}
			b.Write("DMA_COMMAND", dmaContinue)
			b2.Write("DMA_COMMAND", dmaContinue)
		}
		b2.Want("DMA_STATUS", status(2, 4, statusDone))
	}
}

func TestBadStates(t *testing.T) {
	env, d, b := fixture(t)
	put(t, env, d, listBase, twoFills(0), 0)
	startLists(b, listBase)
	env.Clock.Advance(fetchTime)
	for name, change := range map[string]func(*engine){
		"phase":                 func(e *engine) { e.Phase = numPhases },
		"idle lists":            func(e *engine) { e.Phase, e.Params = phaseIdle, nil },
		"list for nobody":       func(e *engine) { e.Lists = false },
		"pair behind the list":  func(e *engine) { e.Pair = len(e.Words) },
		"negative pair":         func(e *engine) { e.Pair = -1 },
		"half a pair":           func(e *engine) { e.Words = e.Words[:4] },
		"list too long":         func(e *engine) { e.Words = make([]uint32, 2*MaxPairs+3) },
		"too few parameters":    func(e *engine) { e.Params = e.Params[1:] },
		"parameters":            func(e *engine) { e.Params[regDstColorMode] = 15 },
		"parameters of nothing": func(e *engine) { e.Phase = phaseFetch },
		"row":                   func(e *engine) { e.Row = 1 },
		"negative row":          func(e *engine) { e.Row = -1 },
	} {
		s := state{d.State(), d.e}
		s.Engine.Words, s.Engine.Params = append([]uint32{}, d.e.Words...), append([]uint32{}, d.e.Params...)
		change(&s.Engine)
		data, err := mmio.EncodeState(s)
		if err != nil {
			t.Fatal(err)
		}
		before, _ := d.SaveState()
		if d.LoadState(data) == nil {
			t.Errorf("%s: accepted", name)
		}
		if after, _ := d.SaveState(); !bytes.Equal(before, after) {
			t.Errorf("%s: refused, but the device changed", name)
		}
	}
}

// FuzzJob starts operations with arbitrary values in all registers, by the CPU and from
// a list: they end or go on, in bounded steps, and after a reset the engine works.
func FuzzJob(f *testing.F) {
	_, d, _ := fixture(f)
	block := d.Block()
	seeds := uint64(200)
	if testing.Short() {
		seeds = 40
	}
	for seed := range seeds {
		rng := rand.New(rand.NewPCG(seed, 3))
		var script []byte
		for range block.Regs {
			v := rng.Uint32() >> (rng.Uint32() % 32)
			if seed%2 == 0 && rng.Uint32()%4 != 0 {
				v = rng.Uint32() & 0x00070007
			}
			script = binary.LittleEndian.AppendUint32(script, v)
		}
		checkJob(f, script)
		f.Add(script)
	}
	f.Fuzz(func(t *testing.T, script []byte) { checkJob(t, script) })
}

func checkJob(t testing.TB, script []byte) {
	env, d, b := fixture(t)
	var l []pair
	for id := regBitbltCommand; id < numRegs && len(script) >= 4; id++ {
		reg, v := d.Reg(id), uint64(binary.LittleEndian.Uint32(script))
		script = script[4:]
		switch id {
		case regSrcBase, regSrcPlane2, regDstBase, regPatBase, regMaskBase:
			if v&3 != 0 { // else anywhere
				v = uint64(mmiotest.MemoryBase) + v&0x3ffff
			}
		}
		b.Write(reg.Name, v)
		l = append(l, pair{reg.Name, v})
	}
	b.Write("BITBLT_START", startBitblt)
	env.Clock.Advance(200 * time.Microsecond)
	b.Write("SOFT_RESET", resetEngine|resetClear)

	put(t, env, d, listBase, append(l, pair{"BITBLT_START", startBitblt}), listBase)
	startLists(b, listBase)
	env.Clock.Advance(200 * time.Microsecond)
	b.Write("SOFT_RESET", resetEngine|resetClear)

	put(t, env, d, listBase, list(false, fillCommands(0, 1, 0x12345678)...), 0)
	startLists(b, listBase)
	env.Clock.Advance(aLongTime)
	b.Want("INTC_PEND", intAll)
	if got := pixelAt(env, dstBase); got != 0x12345678 {
		t.Errorf("after a reset, a fill gave %#x", got)
	}
}
