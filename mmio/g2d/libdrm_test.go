// SPDX-License-Identifier: Apache-2.0

package g2d

import (
	"encoding/binary"
	"slices"
	"testing"

	"vdev/mmio/mmiotest"
)

// What libdrm's exynos_fimg2d.c makes of its calls, put into command lists as Linux does,
// and the pictures that its test programs (tests/exynos) draw with them.

// drmImage is libdrm's struct g2d_image, as far as it matters.
type drmImage struct {
	base, sel, mode, repeat, color uint64
	w, h                           int
}

// drmCalls collects the lists of calls, up to g2d_exec.
type drmCalls struct{ lists [][]pair }

// flush is g2d_flush: Linux puts the addresses behind the other commands.
func (c *drmCalls) flush(commands ...pair) {
	var regular, addresses []pair
	for _, p := range commands {
		if p.reg == "SRC_BASE_ADDR" || p.reg == "DST_BASE_ADDR" {
			addresses = append(addresses, p)
		} else {
			regular = append(regular, p)
		}
	}
	c.lists = append(c.lists, list(false, append(regular, addresses...)...))
}

// exec is g2d_exec: it runs the lists and waits.
func (c *drmCalls) exec(t *testing.T, env *mmiotest.Env, d *G2D, b *mmiotest.Bench) {
	t.Helper()
	for i, l := range c.lists {
		at, next := listBase+0x400*uint64(i), listBase+0x400*uint64(i+1)
		if i == len(c.lists)-1 {
			next = 0
		}
		put(t, env, d, at, l, next)
	}
	startLists(b, listBase)
	env.Clock.Advance(aLongTime)
	b.Want("INTC_PEND", intAll)
	b.Want("DMA_STATUS", status(uint64(len(c.lists)), uint64(len(c.lists)), statusDone))
	b.Write("INTC_PEND", intAll)
	c.lists = nil
}

func (i *drmImage) dst(sel uint64) []pair {
	return []pair{{"DST_SELECT", sel}, {"DST_COLOR_MODE", i.mode}, {"DST_BASE_ADDR", i.base}, {"DST_STRIDE", uint64(4 * i.w)}}
}

func (i *drmImage) src() []pair {
	l := []pair{{"SRC_SELECT", i.sel}, {"SRC_COLOR_MODE", i.mode}}
	switch i.sel {
	case selectFG:
		return append(l, pair{"FG_COLOR", i.color})
	case selectBG:
		return append(l, pair{"BG_COLOR", i.color})
	}
	return append(l, pair{"SRC_BASE_ADDR", i.base}, pair{"SRC_STRIDE", uint64(4 * i.w)})
}

func corners(name string, x, y, w, h int) []pair {
	return []pair{{name + "_LEFT_TOP", point(x, y)}, {name + "_RIGHT_BOTTOM", point(x+w, y+h)}}
}

func (c *drmCalls) solidFill(i *drmImage, x, y, w, h int) {
	c.flush(slices.Concat(i.dst(selectMemory), corners("DST", x, y, w, h), []pair{{"SF_COLOR", i.color}, {"BITBLT_COMMAND", cmdFill}})...)
}

func (c *drmCalls) copy(s, d *drmImage, sx, sy, dx, dy, w, h int) {
	c.flush(slices.Concat(d.dst(selectBG), s.src(), corners("SRC", sx, sy, w, h), corners("DST", dx, dy, w, h), []pair{{"ROP4", 0xcc}})...)
}

func (c *drmCalls) move(i *drmImage, sx, sy, dx, dy, w, h int) {
	var dir uint64
	if dx >= sx {
		dir |= 1
	}
	if dy >= sy {
		dir |= 2
	}
	c.flush(slices.Concat(i.dst(selectBG), i.src(), []pair{{"SRC_MASK_DIRECT", dir}, {"DST_PAT_DIRECT", dir}},
		corners("SRC", sx, sy, w, h), corners("DST", dx, dy, w, h), []pair{{"ROP4", 0xcc}})...)
}

func scaled(sw, sh, dw, dh int) []pair {
	if sw == dw && sh == dh {
		return nil
	}
	return []pair{{"SRC_SCALE_CTRL", scaleBilinear}, {"SRC_XSCALE", uint64(sw << 16 / dw)}, {"SRC_YSCALE", uint64(sh << 16 / dh)}}
}

func (c *drmCalls) copyWithScale(s, d *drmImage, sx, sy, sw, sh, dx, dy, dw, dh int, negative bool) {
	rop := []pair{{"SRC_REPEAT_MODE", s.repeat}, {"ROP4", 0xcc}}
	if s.repeat == repeatPad {
		rop = append(rop, pair{"SRC_PAD_VALUE", d.color})
	}
	if negative {
		rop = append(rop, pair{"BG_COLOR", 0xffffff}, pair{"ROP4", 0xcc ^ 0xaa})
	}
	c.flush(slices.Concat(d.dst(selectBG), s.src(), rop, scaled(sw, sh, dw, dh), corners("SRC", sx, sy, sw, sh), corners("DST", dx, dy, dw, dh))...)
}

// The operations of g2d_blend, by libdrm's names.
const (
	opClear       = coeffZero | coeffZero<<8
	opSrc         = coeffOne | coeffZero<<8
	opDst         = coeffZero | coeffOne<<8
	opOver        = coeffOne | coeffSrcAlpha<<8 | blendInvDst
	opInterpolate = coeffSrcAlpha | coeffSrcAlpha<<8 | blendInvDst
)

func (c *drmCalls) scaleAndBlend(s, d *drmImage, sx, sy, sw, sh, dx, dy, dw, dh int, op uint64) {
	sel := uint64(selectMemory)
	if op == opSrc || op == opClear {
		sel = selectBG
	}
	c.flush(slices.Concat(d.dst(sel), s.src(), scaled(sw, sh, dw, dh), []pair{{"BITBLT_COMMAND", cmdBlend}, {"BLEND_FUNCTION", op}},
		corners("SRC", sx, sy, sw, sh), corners("DST", dx, dy, dw, dh))...)
}

func (c *drmCalls) blend(s, d *drmImage, sx, sy, dx, dy, w, h int, op uint64) {
	c.scaleAndBlend(s, d, sx, sy, w, h, dx, dy, w, h, op)
}

// canvas is what an image should hold.
type canvas struct {
	w int
	p []uint32
}

func (c *canvas) fill(x, y, w, h int, color uint32) {
	for j := range h {
		for i := range w {
			c.p[(y+j)*c.w+x+i] = color
		}
	}
}

// drmScreen is a screen and an image to draw from, both cleared.
func drmScreen(t *testing.T) (env *mmiotest.Env, d *G2D, b *mmiotest.Bench, src, dst drmImage, want canvas) {
	env, d, b = fixture(t)
	src = drmImage{base: srcBase &^ 3, mode: fmtARGB8888, w: 64, h: 48}
	dst = drmImage{base: dstBase &^ 3, mode: fmtARGB8888, w: 64, h: 48}
	want = canvas{64, make([]uint32, 64*48)}
	for _, i := range []drmImage{src, dst} {
		clear(env.Memory.Bytes[i.base-uint64(mmiotest.MemoryBase):][:4*i.w*i.h])
	}
	return env, d, b, src, dst, want
}

func (c *canvas) check(t *testing.T, env *mmiotest.Env, i *drmImage) {
	t.Helper()
	for k, v := range c.p {
		if got := pixelAt(env, i.base+uint64(4*k)); got != v {
			t.Fatalf("pixel (%d, %d) is %#08x, want %#08x", k%c.w, k/c.w, got, v)
		}
	}
	if len(env.Events.List) != 0 {
		t.Errorf("events: %v", env.Events.List)
	}
}

func TestLibdrmFillAndCopy(t *testing.T) {
	env, d, b, src, dst, want := drmScreen(t)
	var c drmCalls
	dst.color = 0xff123456
	c.solidFill(&dst, 7, 5, 20, 11)
	want.fill(7, 5, 20, 11, 0xff123456)
	src.color = 0xffff0000
	c.solidFill(&src, 0, 0, 64, 48)
	c.copy(&src, &dst, 3, 4, 30, 20, 31, 27)
	want.fill(30, 20, 31, 27, 0xffff0000)
	c.exec(t, env, d, b)
	want.check(t, env, &dst)
}

// The steps of exynos_fimg2d_test's move test: all directions, always overlapping.
func TestLibdrmMove(t *testing.T) {
	env, d, b, src, dst, want := drmScreen(t)
	const w, h = 32, 24
	at := func(i, j int) uint32 { return 0xff000000 | uint32(j)<<8 | uint32(i) }
	for j := range h {
		for i := range w {
			binary.LittleEndian.PutUint32(env.Memory.Bytes[src.base-uint64(mmiotest.MemoryBase)+uint64(4*(j*src.w+i)):], at(i, j))
		}
	}
	draw := func(x, y int) {
		for j := range h {
			for i := range w {
				want.p[(y+j)*want.w+x+i] = at(i, j)
			}
		}
	}
	var c drmCalls
	dst.color = all32
	c.solidFill(&dst, 0, 0, 64, 48)
	want.fill(0, 0, 64, 48, all32)
	x, y := 16, 12
	c.copy(&src, &dst, 0, 0, x, y, w, h)
	draw(x, y)
	c.exec(t, env, d, b)
	for _, s := range [][2]int{{1, 0}, {0, 1}, {-1, 0}, {0, -1}, {1, 1}, {-1, -1}, {1, -1}, {-1, 1}, {2, 1}, {1, 2}, {-2, -1}, {-1, -2}, {2, -1}, {1, -2}, {-2, 1}, {-1, 2}} {
		c.move(&dst, x, y, x+s[0], y+s[1], w, h)
		c.exec(t, env, d, b)
		x, y = x+s[0], y+s[1]
		draw(x, y)
		want.check(t, env, &dst)
	}
}

func TestLibdrmCopyWithScale(t *testing.T) {
	for _, repeat := range []uint64{repeatNormal, repeatPad, repeatReflect, repeatClamp} {
		env, d, b, src, dst, want := drmScreen(t)
		var c drmCalls
		src.color, src.repeat, dst.color = all32, repeat, 0xff00ff00
		c.solidFill(&src, 0, 0, 64, 48)
		src.color = 0xff00ff00
		c.solidFill(&src, 5, 5, 10, 10)
		c.copyWithScale(&src, &dst, 5, 5, 10, 10, 10, 10, 20, 20, false)
		want.fill(10, 10, 20, 20, 0xff00ff00) // nothing of the white around it
		c.copyWithScale(&src, &dst, 5, 5, 10, 10, 40, 30, 5, 5, true)
		want.fill(40, 30, 5, 5, 0xffff00ff)
		c.exec(t, env, d, b)
		want.check(t, env, &dst)
	}
}

func TestLibdrmBlend(t *testing.T) {
	for name, k := range map[string]struct {
		op   uint64
		want uint32 // 0x770000ff with 0x77ff0000
	}{
		"clear":       {opClear, 0},
		"src":         {opSrc, 0x770000ff},
		"dst":         {opDst, 0x77ff0000},
		"over":        {opOver, 0xb68800ff},        // 119+119*136/255, 255*136/255
		"interpolate": {opInterpolate, 0x77880077}, // (119*119+119*136)/255, 255*119/255
	} {
		t.Run(name, func(t *testing.T) {
			env, d, b, src, dst, want := drmScreen(t)
			var c drmCalls
			src.color = all32
			c.solidFill(&src, 0, 0, 64, 48)
			src.color = 0x770000ff
			c.solidFill(&src, 5, 5, 20, 20)
			dst.color = all32
			c.solidFill(&dst, 0, 0, 64, 48)
			dst.color = 0x77ff0000
			c.solidFill(&dst, 15, 15, 20, 20)
			want.fill(0, 0, 64, 48, all32)
			want.fill(15, 15, 20, 20, 0x77ff0000)
			c.blend(&src, &dst, 5, 5, 15, 15, 20, 10, k.op)
			want.fill(15, 15, 20, 10, k.want)
			c.scaleAndBlend(&src, &dst, 5, 5, 10, 5, 15, 25, 20, 10, k.op)
			want.fill(15, 25, 20, 10, k.want)
			c.exec(t, env, d, b)

			src.sel = selectFG // a colour instead of an image
			dst.color = 0x77ff0000
			c.solidFill(&dst, 15, 15, 20, 20)
			c.blend(&src, &dst, 0, 0, 15, 15, 20, 20, k.op)
			want.fill(15, 15, 20, 20, k.want)
			c.exec(t, env, d, b)
			want.check(t, env, &dst)
		})
	}
}
