// SPDX-License-Identifier: Apache-2.0

package g2d

import (
	"testing"

	"vdev/mmio"
	"vdev/mmio/mmiotest"
)

// countedMemory counts transfers.
type countedMemory struct {
	mmio.DMA
	transfers int
}

func (m *countedMemory) ReadDMA(addr mmio.IOVA, p []byte) error {
	m.transfers++
	return m.DMA.ReadDMA(addr, p)
}

func (m *countedMemory) WriteDMA(addr mmio.IOVA, p []byte) error {
	m.transfers++
	return m.DMA.WriteDMA(addr, p)
}

// worst are the operations that take the most work per pixel. With stride 0, a small
// memory is enough for the largest image.
func worst() map[string]setting {
	const most = 65535
	large := func(s setting) setting {
		out := setting{"SRC_BASE_ADDR": srcBase, "SRC_PLANE2_BASE_ADDR": plane2Base, "SRC_COLOR_MODE": fmtARGB8888, "SRC_RIGHT_BOTTOM": point(maxSide, maxSide),
			"DST_BASE_ADDR": dstBase, "DST_COLOR_MODE": fmtARGB8888, "DST_RIGHT_BOTTOM": point(maxSide, maxSide),
			"MASK_BASE_ADDR": maskBase, "MASK_MODE": 6, "MASK_RIGHT_BOTTOM": point(maxSide, maxSide), "PAT_BASE_ADDR": patBase, "PAT_SIZE": point(maxSide, maxSide)}
		for name, v := range s {
			out[name] = v
		}
		return out
	}
	nv12 := setting{"SRC_COLOR_MODE": fmtYCbCr420 | 1<<8, "ROTATE": 0x101, "SRC_SCALE_CTRL": scaleBilinear, "SRC_XSCALE": most, "SRC_YSCALE": most,
		"BITBLT_COMMAND": cmdMasking, "MASK_SCALE_CTRL": scaleBilinear, "MASK_XSCALE": most, "MASK_YSCALE": most}
	return map[string]setting{
		"rotated":                    large(setting{"ROTATE": 1}),
		"rotated, masked and scaled": large(nv12),
		"few pixels of many": large(setting{"ROTATE": 1, "SRC_SCALE_CTRL": scaleBilinear, "SRC_YSCALE": 1000<<16 | 0x8000, "SRC_XSCALE": 0x8000,
			"DST_RIGHT_BOTTOM": point(8, maxSide)}),
		"every second pixel": large(setting{"BITBLT_COMMAND": cmdSrcKey, "SRC_COLORKEY_CTRL": 1, "SRC_COLORKEY_DR_MAX": 0x7f}),
		"pattern":            large(setting{"ROP4": 0x96, "THIRD_OPERAND": thirdPattern}),
		"ratios": large(setting{"BITBLT_COMMAND": cmdBlend | cmdSrcPremul | cmdDstPremul | cmdDstDepremul,
			"BLEND_FUNCTION": coeffConjointS | coeffDisjointD<<8}),
	}
}

// No step of the largest operations does much, whatever the registers say: neither on
// the bus nor, in BenchmarkWorst, on the host.
func TestStepsAreBounded(t *testing.T) {
	for name, s := range worst() {
		t.Run(name, func(t *testing.T) {
			env := mmiotest.NewEnv()
			mem := &countedMemory{DMA: &env.Memory}
			d := New(Config{Name: "g2d", Clock: &env.Clock, DMA: mem, Events: &env.Events})
			s.start(mmiotest.NewBench(t, d, &env.Events))
			for range 3 {
				mem.transfers = 0
				due, armed := env.Clock.Next()
				if !armed {
					t.Fatalf("over already; events: %v", env.Events.List)
				}
				env.Clock.Advance(due - env.Clock.Now())
				// Two planes and a mask, each pixel on its own.
				if mem.transfers == 0 || mem.transfers > 3*bandPixels+10 {
					t.Errorf("%d transfers in a step", mem.transfers)
				}
			}
		})
	}
}

// Refused bitblts take time, too, and little of the host's: a list full of them ends
// within the virtual time that it owes.
func TestRefusedTakeTime(t *testing.T) {
	env, d, b := fixture(t)
	l := []pair{{"DST_COLOR_MODE", 15}}
	for len(l) < MaxPairs {
		l = append(l, pair{"BITBLT_START", startBitblt})
	}
	put(t, env, d, listBase, l, listBase)
	startLists(b, listBase)
	env.Clock.Advance(fetchTime)
	const owed = MaxPairs*pairTime + (MaxPairs-1)*refuseTime
	env.Clock.Advance(owed)
	b.Want("DMA_STATUS", status(1, MaxPairs-1, 0))
	env.Clock.Advance(fetchTime)
	b.Want("DMA_STATUS", status(2, 2*(MaxPairs-1), 0))
}

// BenchmarkWorst reports how long a step takes.
func BenchmarkWorst(b *testing.B) {
	for name, s := range worst() {
		b.Run(name, func(b *testing.B) {
			env, d, bench := fixture(b)
			s.start(bench)
			for b.Loop() {
				if d.e.Phase == phaseIdle {
					s.start(bench)
				}
				due, _ := env.Clock.Next()
				env.Clock.Advance(due - env.Clock.Now())
			}
		})
	}
}
