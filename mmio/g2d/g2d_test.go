// SPDX-License-Identifier: Apache-2.0

package g2d

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"testing"
	"time"

	"pgregory.net/rapid"

	"vdev/mmio"
	"vdev/mmio/mmiotest"
)

func newG2D(env *mmiotest.Env) *G2D {
	return New(Config{Name: "g2d", Clock: &env.Clock, IRQ: env.Line("irq"), DMA: &env.Memory, NonCoherent: true, Events: &env.Events})
}

// newEnv is memory full of random bytes.
func newEnv() *mmiotest.Env {
	env := mmiotest.NewEnv()
	rng := rand.New(rand.NewPCG(1, 2))
	for i := 0; i < len(env.Memory.Bytes); i += 8 {
		binary.LittleEndian.PutUint64(env.Memory.Bytes[i:], rng.Uint64())
	}
	return env
}

func fixture(t testing.TB) (*mmiotest.Env, *G2D, *mmiotest.Bench) {
	env := newEnv()
	d := newG2D(env)
	return env, d, mmiotest.NewBench(t, d, &env.Events)
}

func TestTable(t *testing.T) {
	mmiotest.CheckTable(t, func(env *mmiotest.Env) mmio.RegisterDevice { return newG2D(env) })
}

func FuzzG2D(f *testing.F) {
	mmiotest.FuzzDevice(f, func(env *mmiotest.Env) mmio.Device { return newG2D(env) })
}

// Where the images of a test are.
const (
	srcBase    = uint64(mmiotest.MemoryBase + 0x10003) // nothing is aligned
	plane2Base = uint64(mmiotest.MemoryBase + 0x28005)
	dstBase    = uint64(mmiotest.MemoryBase + 0x40007)
	dstPlane2  = uint64(mmiotest.MemoryBase + 0x50003)
	patBase    = uint64(mmiotest.MemoryBase + 0x60001)
	maskBase   = uint64(mmiotest.MemoryBase + 0x80009)
	listBase   = uint64(mmiotest.MemoryBase + 0xa0000)
)

func point(x, y int) uint64 { return uint64(x) | uint64(y)<<16 }

// setting is the registers of an operation.
type setting map[string]uint64

// start writes the registers and starts the operation, on pictures in memory unless
// the setting says otherwise. Registers do not depend on the order in which they are
// written.
func (s setting) start(b *mmiotest.Bench) {
	b.Write("SRC_SELECT", selectMemory)
	b.Write("DST_SELECT", selectMemory)
	for name, v := range s {
		b.Write(name, v)
	}
	b.Write("BITBLT_START", startBitblt)
}

const aLongTime = time.Second

// failer is what *testing.T and *rapid.T have in common.
type failer interface {
	Helper()
	Fatalf(format string, args ...any)
}

// checkAgainstReference does an operation on the device and on the reference.
func checkAgainstReference(tb testing.TB, t failer, s setting) {
	t.Helper()
	env, g, d, b := gated(tb)
	want := bytes.Clone(env.Memory.Bytes)
	s.start(b)
	ref := reference{mem: want, reg: func(name string) int {
		id, ok := d.Lookup(name)
		if !ok {
			t.Fatalf("no register %s", name)
		}
		return int(d.Get(id))
	}}
	ref.blit()
	env.Clock.Advance(aLongTime)
	if got := b.Read("INTC_PEND"); got != intSlave {
		t.Fatalf("INTC_PEND is %#x", got)
	}
	if len(env.Events.List) != 0 {
		t.Fatalf("events: %v", env.Events.List)
	}
	if g.InFlight() != 0 {
		t.Fatalf("%s is still in flight", g.What)
	}
	if !bytes.Equal(env.Memory.Bytes, want) {
		for i := range want {
			if got := env.Memory.Bytes[i]; got != want[i] {
				at := uint64(mmiotest.MemoryBase) + uint64(i)
				t.Fatalf("%#v\nfirst difference at %#x, destination offset %d: got %#x, want %#x", s, at, int64(at-dstBase), got, want[i])
			}
		}
	}
}

// rgbFormats are the codes that can be source, destination and pattern.
func rgbFormats() []uint64 {
	return []uint64{fmtXRGB8888, fmtARGB8888, fmtRGB565, fmtXRGB1555, fmtARGB1555, fmtXRGB4444, fmtARGB4444, fmtPRGB888}
}

// ycbcrModes are color modes without colour space.
func ycbcrModes() []uint64 {
	return []uint64{0x009, 0x1009, 0x2009, 0x3009, 0x108, 0x109, 0x10a, 0x1108, 0x1109, 0x110a}
}

// size draws sides of rectangles.
func size() *rapid.Generator[int] { return rapid.IntRange(1, 20) }

func rectangle(t *rapid.T, s setting, name string) (w, h int) {
	x, y := rapid.IntRange(0, 9).Draw(t, name+" x"), rapid.IntRange(0, 9).Draw(t, name+" y")
	w, h = size().Draw(t, name+" w"), size().Draw(t, name+" h")
	s[name+"_LEFT_TOP"], s[name+"_RIGHT_BOTTOM"] = point(x, y), point(x+w, y+h)
	return w, h
}

func bits(t *rapid.T, name string, mask uint64) uint64 {
	return rapid.Uint64().Draw(t, name) & mask
}

func rgbMode(t *rapid.T, name string) uint64 {
	return rapid.SampledFrom(rgbFormats()).Draw(t, name+" format") | rapid.Uint64Range(0, 3).Draw(t, name+" order")<<4
}

// imageMode draws the format of source or destination. Where chroma is shared,
// coordinates and the stride are made even.
func imageMode(t *rapid.T, s setting, name string) {
	switch rapid.IntRange(0, 5).Draw(t, name+" kind") {
	case 0, 1, 2:
		s[name+"_COLOR_MODE"] = rgbMode(t, name)
		return
	case 3:
		s[name+"_COLOR_MODE"] = rapid.SampledFrom([]uint64{fmtA8, fmtL8}).Draw(t, name+" format")
		return
	}
	s[name+"_COLOR_MODE"] = rapid.SampledFrom(ycbcrModes()).Draw(t, name+" format") | rapid.Uint64Range(0, 3).Draw(t, name+" csc")<<16
	var odd uint64
	switch s[name+"_COLOR_MODE"] & 0xf {
	case fmtYCbCr422:
		odd = 1
	case fmtYCbCr420:
		odd = 1 | 1<<16
	}
	s[name+"_STRIDE"] &^= odd & 1
	s[name+"_LEFT_TOP"] &^= odd
	s[name+"_RIGHT_BOTTOM"] = (s[name+"_RIGHT_BOTTOM"] + odd) &^ odd
}

func scaling(t *rapid.T, s setting, name string) {
	s[name+"_SCALE_CTRL"] = rapid.Uint64Range(0, 3).Draw(t, name+" scale")
	s[name+"_XSCALE"] = rapid.Uint64Range(0, 0x50000).Draw(t, name+" xscale")
	s[name+"_YSCALE"] = rapid.Uint64Range(0, 0x50000).Draw(t, name+" yscale")
	s[name+"_REPEAT_MODE"] = rapid.Uint64Range(0, 4).Draw(t, name+" repeat")
	s[name+"_PAD_VALUE"] = bits(t, name+" pad", all32)
}

// color draws colours of which some are equal.
func color(t *rapid.T, name string) uint64 {
	return rapid.OneOf(rapid.Uint64Range(0, all32), rapid.SampledFrom([]uint64{0, all32, 0xff00ff00})).Draw(t, name)
}

// randomSetting draws an operation that uses everything.
func randomSetting(t *rapid.T) setting {
	s := setting{"SRC_BASE_ADDR": srcBase, "SRC_PLANE2_BASE_ADDR": plane2Base, "DST_BASE_ADDR": dstBase, "DST_PLANE2_BASE_ADDR": dstPlane2, "PAT_BASE_ADDR": patBase, "MASK_BASE_ADDR": maskBase}
	rectangle(t, s, "DST")
	rectangle(t, s, "SRC")
	rectangle(t, s, "MASK")
	for _, name := range []string{"SRC", "DST", "PAT", "MASK"} {
		s[name+"_STRIDE"] = uint64(rapid.IntRange(-300, 300).Draw(t, name+" stride")) & 0xffff
	}
	imageMode(t, s, "DST")
	imageMode(t, s, "SRC")
	s["PAT_COLOR_MODE"] = rgbMode(t, "PAT")
	s["SRC_SELECT"] = rapid.SampledFrom([]uint64{0, 0, 0, 1, 2}).Draw(t, "SRC select")
	s["DST_SELECT"] = rapid.SampledFrom([]uint64{0, 0, 0, 1, 2}).Draw(t, "DST select")
	scaling(t, s, "SRC")
	scaling(t, s, "MASK")
	s["MASK_MODE"] = rapid.Uint64Range(0, 6).Draw(t, "MASK format") | rapid.Uint64Range(0, 3).Draw(t, "MASK order")<<4 | rapid.Uint64Range(0, 2).Draw(t, "MASK type")<<8
	s["PAT_SIZE"] = point(size().Draw(t, "PAT w"), size().Draw(t, "PAT h"))
	s["PAT_OFFSET"] = point(rapid.IntRange(0, 30).Draw(t, "PAT x"), rapid.IntRange(0, 30).Draw(t, "PAT y"))
	s["CW_LT"] = point(rapid.IntRange(0, 15).Draw(t, "CW x0"), rapid.IntRange(0, 15).Draw(t, "CW y0"))
	s["CW_RB"] = point(rapid.IntRange(0, 30).Draw(t, "CW x1"), rapid.IntRange(0, 30).Draw(t, "CW y1"))
	s["ROTATE"], s["SRC_MASK_DIRECT"], s["DST_PAT_DIRECT"] = bits(t, "rotate", 0x101), bits(t, "src dir", 0x33), bits(t, "dst dir", 0x33)
	s["BITBLT_COMMAND"] = bits(t, "command", cmdMaskROP4|cmdMasking|cmdROP4Alpha|cmdClip|cmdSrcKey|cmdDstKey|cmdBlend|cmdSrcPremul|cmdPatPremul|cmdDstPremul|cmdDstDepremul) |
		rapid.Uint64Range(0, 2).Draw(t, "transparent")<<12
	s["ROP4"] = rapid.OneOf(rapid.Just(uint64(0xcccc)), rapid.Uint64Range(0, 0xffff)).Draw(t, "rop")
	s["THIRD_OPERAND"] = rapid.Uint64Range(0, 2).Draw(t, "third") | rapid.Uint64Range(0, 2).Draw(t, "masked third")<<4
	s["BLEND_FUNCTION"] = blendFunction(t)
	s["ROUND_MODE"] = bits(t, "round", 0x33)
	for _, name := range []string{"ALPHA", "FG_COLOR", "BG_COLOR", "BS_COLOR", "SF_COLOR", "SRC_COLORKEY_DR_MIN", "SRC_COLORKEY_DR_MAX", "DST_COLORKEY_DR_MIN", "DST_COLORKEY_DR_MAX"} {
		s[name] = color(t, name)
	}
	s["SRC_A8_RGB_EXT"], s["DST_A8_RGB_EXT"] = color(t, "src ext")&0xffffff, color(t, "dst ext")&0xffffff
	s["SRC_COLORKEY_CTRL"], s["DST_COLORKEY_CTRL"] = bits(t, "src key", keyBits), bits(t, "dst key", keyBits)
	return s
}

func blendFunction(t *rapid.T) uint64 {
	part := func(name string) uint64 {
		return rapid.Uint64Range(0, numCoeffs-1).Draw(t, name) | rapid.Uint64Range(0, 2).Draw(t, name+" sa")<<4 | rapid.Uint64Range(0, 2).Draw(t, name+" da")<<6
	}
	f := part("src coeff") | part("dst coeff")<<8 | bits(t, "inverse", blendInvSrc|blendInvDst)
	return f | rapid.SampledFrom([]uint64{0, 0, 0, blendDarken, blendLighten}).Draw(t, "compare")
}

func TestRandomJobs(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) { checkAgainstReference(t, r, randomSetting(r)) })
}

// Few stages at a time: a difference in one is not hidden by what the others do.
func TestRandomSimpleJobs(t *testing.T) {
	for name, cmd := range map[string]uint64{
		"copy": 0, "blend": cmdBlend, "fill": cmdFill, "fill in window": cmdFill | cmdClip, "rop": cmdROP4Alpha, "mask": cmdMasking,
		"masked rop": cmdMaskROP4 | cmdROP4Alpha, "source key": cmdSrcKey, "destination key": cmdDstKey, "window": cmdClip,
	} {
		t.Run(name, func(t *testing.T) {
			rapid.Check(t, func(r *rapid.T) {
				s := randomSetting(r)
				s["BITBLT_COMMAND"] = cmd
				if cmd&(cmdROP4Alpha|cmdMaskROP4) == 0 {
					s["ROP4"] = 0xcccc
				}
				if rapid.Bool().Draw(r, "plain") {
					s["SRC_SCALE_CTRL"], s["ROTATE"], s["SRC_MASK_DIRECT"], s["DST_PAT_DIRECT"] = 0, 0, 0, 0
					s["SRC_REPEAT_MODE"], s["SRC_SELECT"] = repeatClamp, selectMemory
					if cmd == 0 && s["DST_COLOR_MODE"]&0x108 == 0 { // RGB
						s["SRC_COLOR_MODE"] = s["DST_COLOR_MODE"]
					}
				}
				if cmd == cmdBlend && rapid.Bool().Draw(r, "over") {
					s["BLEND_FUNCTION"], s["ROUND_MODE"] = coeffSrcAlpha<<8|blendInvDst, 0x33
				}
				checkAgainstReference(t, r, s)
			})
		})
	}
}

// Images that overlap: the walking order counts.
func TestRandomOverlaps(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		s := randomSetting(r)
		s["BITBLT_COMMAND"] = rapid.SampledFrom([]uint64{0, cmdBlend}).Draw(r, "command")
		s["ROP4"], s["SRC_BASE_ADDR"] = 0xcccc, dstBase
		if rapid.Bool().Draw(r, "move") {
			if s["DST_COLOR_MODE"]&0x108 == 0 { // RGB
				s["SRC_COLOR_MODE"] = s["DST_COLOR_MODE"]
			}
			s["SRC_STRIDE"], s["SRC_SCALE_CTRL"], s["SRC_PLANE2_BASE_ADDR"] = s["DST_STRIDE"]&^1, 0, dstPlane2
			s["SRC_MASK_DIRECT"] = s["DST_PAT_DIRECT"] & 3
		}
		checkAgainstReference(t, r, s)
	})
}
