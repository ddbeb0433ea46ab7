// SPDX-License-Identifier: Apache-2.0

package g2d

import (
	"fmt"
	"slices"
	"testing"

	"vdev/mmio"
	"vdev/mmio/mmiotest"
)

// jobMemory notes what the device says it is doing each time it uses the bus.
type jobMemory struct {
	mmio.DMA
	job  func() string
	seen []string
}

func (m *jobMemory) note() {
	if s := m.job(); len(m.seen) == 0 || m.seen[len(m.seen)-1] != s {
		m.seen = append(m.seen, s)
	}
}

func (m *jobMemory) ReadDMA(addr mmio.IOVA, p []byte) error {
	m.note()
	return m.DMA.ReadDMA(addr, p)
}

func (m *jobMemory) WriteDMA(addr mmio.IOVA, p []byte) error {
	m.note()
	return m.DMA.WriteDMA(addr, p)
}

func TestJob(t *testing.T) {
	env := mmiotest.NewEnv()
	mem := &jobMemory{DMA: &env.Memory}
	d := New(Config{Name: "g2d", Clock: &env.Clock, DMA: mem, Events: &env.Events})
	mem.job = d.Job
	b := mmiotest.NewBench(t, d, &env.Events)
	if s := d.Job(); s != "" {
		t.Errorf("idle: %q", s)
	}
	put(t, env, d, listBase, list(true, fillCommands(0, 3, 1)...), 0)
	startLists(b, listBase)
	env.Clock.Advance(aLongTime)
	if s := d.Job(); s != "" {
		t.Errorf("held: %q", s)
	}
	b.Write("DMA_HOLD_CMD", 0)
	b.Write("DMA_COMMAND", dmaContinue)
	for _, regs := range []setting{
		{"BITBLT_COMMAND": 0, "ROP4": 0xcccc},
		{"BITBLT_COMMAND": cmdBlend, "BLEND_FUNCTION": coeffSrcAlpha<<8 | blendInvDst},
		{"BITBLT_COMMAND": 0, "ROP4": 0x66},
	} {
		s := argbCopy(2, 2, 2, 2)
		for name, v := range regs {
			s[name] = v
		}
		s.start(b)
		env.Clock.Advance(aLongTime)
	}
	want := []string{
		fmt.Sprintf("command list at %#x", listBase),
		fmt.Sprintf("fill 3x1 to %#x, pair 13 of the list at %#x", dstBase, listBase),
		fmt.Sprintf("copy 2x2 to %#x", dstBase),
		fmt.Sprintf("blend 2x2 to %#x", dstBase),
		fmt.Sprintf("bitblt 2x2 to %#x", dstBase),
	}
	if !slices.Equal(mem.seen, want) {
		t.Errorf("got  %q\nwant %q", mem.seen, want)
	}
	if len(env.Events.List) != 0 {
		t.Errorf("events: %v", env.Events.List)
	}
}
