// SPDX-License-Identifier: Apache-2.0

package main

import (
	_ "embed"
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"vdev/emu/mem"
	"vdev/mmio"
	"vdev/mmio/g2d"
	"vdev/mmio/mmiotest"
)

//go:embed pixman/pixman.c
var pixmanSource string

// The pictures that are drawn: ARGB8888, source and destination.
const (
	g2dWidth  = 1920
	g2dHeight = 1080
	g2dPixels = g2dWidth * g2dHeight
	g2dBase   = 0x8000_0000
	g2dSrc    = g2dBase
	g2dDst    = g2dBase + 16<<20
)

// g2dOps are the operations, by their names in pixman.c: the registers of libdrm's
// calls and what a plain loop does. want is the least speed relative to pixman.
var g2dOps = []struct {
	name string
	regs map[string]uint32
	loop func(dst, src []uint32)
	want float64
}{
	{"fill", map[string]uint32{"BITBLT_COMMAND": 1 << 28, "SF_COLOR": 0xff123456},
		func(dst, _ []uint32) {
			for i := range dst {
				dst[i] = 0xff123456
			}
		}, 0.5},
	{"copy", map[string]uint32{"BITBLT_COMMAND": 0, "ROP4": 0xcc},
		func(dst, src []uint32) {
			for i := range dst {
				dst[i] = src[i]
			}
		}, 0.5},
	{"blend", map[string]uint32{"BITBLT_COMMAND": 1 << 20, "BLEND_FUNCTION": 2<<8 | 1<<18},
		func(dst, src []uint32) {
			for i := range dst {
				s, d := src[i], dst[i]
				out := uint32(0)
				for sh := 0; sh < 32; sh += 8 {
					t := (d>>sh&0xff)*(255-s>>24) + 128
					out |= min(s>>sh&0xff+(t+t>>8)>>8, 255) << sh
				}
				dst[i] = out
			}
		}, 0.25},
}

// g2dSpeed measures the 2D engine next to pixman and to plain loops, in one thread.
func (b *bench) g2dSpeed() error {
	prog, err := b.buildPixman()
	if err != nil {
		fmt.Printf("G2D: not measured, %v\n", err)
		return nil
	}
	m, err := newG2DBench()
	if err != nil {
		return err
	}
	src, dst := noise(false, 1), noise(true, 2)
	for _, op := range g2dOps {
		const count = 20
		var ours, theirs, loop []time.Duration
		for range 2 * b.runs {
			m.draw(op.regs, 1)
			t, err := processorTimeOf(func() { m.draw(op.regs, count) })
			if err != nil {
				return err
			}
			ours = append(ours, t)
			op.loop(dst, src)
			if t, err = processorTimeOf(func() {
				for range count {
					op.loop(dst, src)
				}
			}); err != nil {
				return err
			}
			loop = append(loop, t)
			if t, err = runPixman(prog, op.name, count); err != nil {
				return err
			}
			theirs = append(theirs, t)
		}
		if len(m.env.Events.List) != 0 {
			return fmt.Errorf("the G2D complains: %v", m.env.Events.List[0])
		}
		speed := func(t []time.Duration) float64 { return g2dPixels * count / median(t).Seconds() / 1e6 }
		v, p, l := speed(ours), speed(theirs), speed(loop)
		fmt.Printf("G2D %-5s %dx%d: %5.0f Mpixel/s, pixman %5.0f, a Go loop %5.0f: %3.0f %% of pixman (wanted %.0f %%)\n",
			op.name, g2dWidth, g2dHeight, v, p, l, 100*v/p, 100*op.want)
	}
	return nil
}

// buildPixman compiles pixman.c.
func (b *bench) buildPixman() (string, error) {
	flags, err := exec.Command("pkg-config", "--cflags", "--libs", "pixman-1").Output()
	if err != nil {
		return "", fmt.Errorf("pixman is missing: apt-get install gcc pkg-config libpixman-1-dev")
	}
	source, prog := filepath.Join(b.dir, "pixman.c"), filepath.Join(b.dir, "pixman")
	if err := os.WriteFile(source, []byte(pixmanSource), 0o600); err != nil {
		return "", err
	}
	args := append([]string{"-O2", "-o", prog, source}, strings.Fields(string(flags))...)
	if out, err := exec.Command("gcc", args...).CombinedOutput(); err != nil {
		return "", fmt.Errorf("cannot compile pixman.c: %w\n%s", err, out)
	}
	return prog, nil
}

func runPixman(prog, op string, count int) (time.Duration, error) {
	out, err := exec.Command(prog, op, strconv.Itoa(g2dWidth), strconv.Itoa(g2dHeight), strconv.Itoa(count)).Output()
	if err != nil {
		return 0, fmt.Errorf("pixman %s: %w", op, err)
	}
	ns, err := strconv.ParseInt(strings.TrimSpace(string(out)), 10, 64)
	return time.Duration(ns), err
}

// processorTimeOf is what f takes of it.
func processorTimeOf(f func()) (time.Duration, error) {
	used := func() (time.Duration, error) {
		var u syscall.Rusage
		err := syscall.Getrusage(syscall.RUSAGE_SELF, &u)
		return time.Duration(u.Utime.Nano() + u.Stime.Nano()), err
	}
	before, err := used()
	if err != nil {
		return 0, err
	}
	f()
	after, err := used()
	return after - before, err
}

// noise is the picture that pixman.c works on, too.
func noise(opaque bool, seed uint32) []uint32 {
	p := make([]uint32, g2dPixels)
	for i := range p {
		seed = seed*1664525 + 1013904223
		a := seed >> 24
		if opaque {
			a = 255
		}
		c := (seed >> 16 & 255) * a / 255
		p[i] = a<<24 | c<<16 | c/2<<8 | (a - c)
	}
	return p
}

// g2dBench is a G2D with memory of its own, where no cache is modelled.
type g2dBench struct {
	env *mmiotest.Env
	mem *mem.Memory
	dev *g2d.G2D
}

func newG2DBench() (*g2dBench, error) {
	m, err := mem.New(g2dBase, 32<<20)
	if err != nil {
		return nil, err
	}
	for at, picture := range map[mmio.PhysAddr][]uint32{g2dSrc: noise(false, 1), g2dDst: noise(true, 2)} {
		raw := make([]byte, 4*g2dPixels)
		for i, v := range picture {
			binary.LittleEndian.PutUint32(raw[4*i:], v)
		}
		if !m.Init(at, raw) {
			return nil, fmt.Errorf("no room for a picture at %#x", at)
		}
	}
	b := &g2dBench{env: mmiotest.NewEnv(), mem: m}
	b.dev = g2d.New(g2d.Config{Name: "g2d", Clock: &b.env.Clock, DMA: m.NewPort("g2d", true), Events: &b.env.Events})
	return b, nil
}

// draw does an operation on the whole picture, count times, as a driver does: all
// registers are written each time.
func (b *g2dBench) draw(regs map[string]uint32, count int) {
	const size = g2dWidth | g2dHeight<<16
	write := func(name string, v uint32) {
		id, _ := b.dev.Lookup(name)
		b.dev.WriteMMIO(b.dev.Reg(id).Offset, 4, uint64(v))
	}
	for range count {
		for name, v := range map[string]uint32{
			"SRC_SELECT": 0, "SRC_BASE_ADDR": g2dSrc, "SRC_STRIDE": 4 * g2dWidth, "SRC_COLOR_MODE": 1, "SRC_RIGHT_BOTTOM": size,
			"DST_SELECT": 0, "DST_BASE_ADDR": g2dDst, "DST_STRIDE": 4 * g2dWidth, "DST_COLOR_MODE": 1, "DST_RIGHT_BOTTOM": size,
		} {
			write(name, v)
		}
		for name, v := range regs {
			write(name, v)
		}
		write("BITBLT_START", 1)
		b.env.Clock.Advance(time.Second)
		write("INTC_PEND", 1)
	}
}
