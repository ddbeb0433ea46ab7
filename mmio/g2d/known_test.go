// SPDX-License-Identifier: Apache-2.0

package g2d

import (
	"bytes"
	"encoding/binary"
	"slices"
	"testing"

	"vdev/mmio"
	"vdev/mmio/mmiotest"
)

// Answers worked out by hand: what engine and reference agree on may be wrong in both.

// putPicture writes rows of w pixels of 32 bits, 64 bytes apart.
func putPicture(env *mmiotest.Env, at uint64, w int, pixels ...uint32) {
	for i, p := range pixels {
		off := at - uint64(mmiotest.MemoryBase) + uint64(i/w*64+i%w*4)
		binary.LittleEndian.PutUint32(env.Memory.Bytes[off:], p)
	}
}

func getPicture(env *mmiotest.Env, at uint64, w, h int) (pixels []uint32) {
	for i := range w * h {
		pixels = append(pixels, pixelAt(env, at+uint64(i/w*64+i%w*4)))
	}
	return pixels
}

// argbCopy is a copy of w*h ARGB8888 pixels into as many.
func argbCopy(sw, sh, dw, dh int) setting {
	return setting{"SRC_BASE_ADDR": srcBase, "SRC_STRIDE": 64, "SRC_COLOR_MODE": fmtARGB8888, "SRC_RIGHT_BOTTOM": point(sw, sh),
		"DST_BASE_ADDR": dstBase, "DST_STRIDE": 64, "DST_COLOR_MODE": fmtARGB8888, "DST_RIGHT_BOTTOM": point(dw, dh)}
}

func TestKnownGeometry(t *testing.T) {
	for _, c := range []struct {
		name   string
		regs   setting
		dw, dh int
		want   []uint32
	}{ // the source is 1 2 3 over 4 5 6
		{"copy", nil, 3, 2, []uint32{1, 2, 3, 4, 5, 6}},
		{"flip x", setting{"DST_PAT_DIRECT": 1}, 3, 2, []uint32{3, 2, 1, 6, 5, 4}},
		{"flip y", setting{"SRC_MASK_DIRECT": 2}, 3, 2, []uint32{4, 5, 6, 1, 2, 3}},
		{"both reversed", setting{"SRC_MASK_DIRECT": 3, "DST_PAT_DIRECT": 3}, 3, 2, []uint32{1, 2, 3, 4, 5, 6}},
		{"270 degrees", setting{"ROTATE": 1}, 2, 3, []uint32{3, 6, 2, 5, 1, 4}},
		{"90 degrees", setting{"ROTATE": 1, "DST_PAT_DIRECT": 3}, 2, 3, []uint32{4, 1, 5, 2, 6, 3}},
		{"window", setting{"BITBLT_COMMAND": cmdClip, "CW_LT": point(1, 0), "CW_RB": point(2, 9)}, 3, 2, []uint32{0, 2, 0, 0, 5, 0}},
		{"repeat", setting{"SRC_REPEAT_MODE": repeatNormal}, 5, 2, []uint32{1, 2, 3, 1, 2, 4, 5, 6, 4, 5}},
		{"reflect", setting{"SRC_REPEAT_MODE": repeatReflect}, 7, 1, []uint32{1, 2, 3, 3, 2, 1, 1}},
		{"clamp", setting{"SRC_REPEAT_MODE": repeatClamp}, 4, 3, []uint32{1, 2, 3, 3, 4, 5, 6, 6, 4, 5, 6, 6}},
		{"pad", setting{"SRC_REPEAT_MODE": repeatPad, "SRC_PAD_VALUE": 9}, 4, 3, []uint32{1, 2, 3, 9, 4, 5, 6, 9, 9, 9, 9, 9}},
		{"none", setting{"SRC_REPEAT_MODE": repeatNone, "SRC_PAD_VALUE": 9}, 4, 1, []uint32{1, 2, 3, 0}},
		{"nearest, twice as wide", setting{"SRC_SCALE_CTRL": scaleNearest, "SRC_XSCALE": 0x8000}, 6, 2, []uint32{1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6}},
		{"nearest, every second", setting{"SRC_SCALE_CTRL": scaleNearest, "SRC_XSCALE": 0x20000}, 2, 1, []uint32{1, 3}},
		{"factor without scaling", setting{"SRC_XSCALE": 0x8000}, 3, 1, []uint32{1, 2, 3}},
	} {
		t.Run(c.name, func(t *testing.T) {
			env, _, b := fixture(t)
			putPicture(env, srcBase, 3, 1, 2, 3, 4, 5, 6)
			putPicture(env, dstBase, c.dw, make([]uint32, c.dw*c.dh)...)
			s := argbCopy(3, 2, c.dw, c.dh)
			for name, v := range c.regs {
				s[name] = v
			}
			s.start(b)
			env.Clock.Advance(aLongTime)
			if got := getPicture(env, dstBase, c.dw, c.dh); !slices.Equal(got, c.want) {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}

func TestKnownPixels(t *testing.T) {
	over := uint64(coeffOne | coeffSrcAlpha<<8 | blendInvDst)
	for _, c := range []struct {
		name     string
		regs     setting
		src, dst uint32
		want     uint32
	}{
		{"XRGB has no alpha", setting{"SRC_COLOR_MODE": fmtXRGB8888}, 0x00123456, 0, 0xff123456},
		{"order RGBA", setting{"SRC_COLOR_MODE": fmtARGB8888 | 1<<4}, 0x11223344, 0, 0x44112233},
		{"order ABGR", setting{"DST_COLOR_MODE": fmtARGB8888 | 2<<4}, 0x11223344, 0, 0x11443322},
		{"order BGRA", setting{"DST_COLOR_MODE": fmtARGB8888 | 3<<4}, 0x11223344, 0, 0x44332211},
		{"565", setting{"SRC_COLOR_MODE": fmtRGB565}, 0xf81f, 0, 0xffff00ff},
		{"4444", setting{"SRC_COLOR_MODE": fmtARGB4444}, 0x8421, 0, 0x88442211},
		{"1555", setting{"SRC_COLOR_MODE": fmtARGB1555}, 0x7fff, 0, 0x00ffffff},
		{"A8", setting{"SRC_COLOR_MODE": fmtA8, "SRC_A8_RGB_EXT": 0x123456}, 0x80, 0, 0x80123456},
		{"L8", setting{"SRC_COLOR_MODE": fmtL8}, 0x40, 0, 0xff404040},
		{"YUYV black", setting{"SRC_COLOR_MODE": fmtYCbCr422, "SRC_RIGHT_BOTTOM": point(2, 1)}, 0x80108010, 0, 0xff000000},
		{"YUYV white", setting{"SRC_COLOR_MODE": fmtYCbCr422, "SRC_RIGHT_BOTTOM": point(2, 1)}, 0x80eb80eb, 0, 0xffffffff},
		{"YUYV red", setting{"SRC_COLOR_MODE": fmtYCbCr422, "SRC_RIGHT_BOTTOM": point(2, 1)}, 0xf0515a51, 0, 0xfffe0000},
		{"YUYV of red", setting{"DST_COLOR_MODE": fmtYCbCr422, "DST_RIGHT_BOTTOM": point(2, 1)}, 0xffff0000, 0, 0xf0515a51},
		{"YVYU of blue", setting{"DST_COLOR_MODE": fmtYCbCr422 | 1<<12, "DST_RIGHT_BOTTOM": point(2, 1)}, 0xff0000ff, 0, 0xf0296e29},
		{"UYVY of red, of wide range", setting{"DST_COLOR_MODE": fmtYCbCr422 | 2<<12 | 1<<17, "DST_RIGHT_BOTTOM": point(2, 1)}, 0xffff0000, 0, 0x4cff4c55},
		{"YUYV fill", setting{"DST_COLOR_MODE": fmtYCbCr422, "DST_RIGHT_BOTTOM": point(2, 1), "BITBLT_COMMAND": cmdFill, "SF_COLOR": 0x112233}, 0, 0, 0x33112211},
		{"YUYV in a window", setting{"DST_COLOR_MODE": fmtYCbCr422, "DST_RIGHT_BOTTOM": point(2, 1), "BITBLT_COMMAND": cmdClip, "CW_LT": point(1, 0), "CW_RB": point(2, 1)}, 0xffff0000, 0x01020304, 0x01510304},
		{"copy in inverted colours", setting{"DST_SELECT": selectBG, "BG_COLOR": 0xffffff, "ROP4": 0x66}, 0x80112233, 0, 0x80eeddcc},
		{"rop on alpha", setting{"ROP4": 0x33, "BITBLT_COMMAND": cmdROP4Alpha}, 0x80112233, 0, 0x7feeddcc},
		{"src over dst", setting{"BITBLT_COMMAND": cmdBlend, "BLEND_FUNCTION": over}, 0x80800000, 0xff0000ff, 0xff80007f},
		{"sum is at most 255", setting{"BITBLT_COMMAND": cmdBlend, "BLEND_FUNCTION": coeffOne | coeffOne<<8}, 0x80808080, 0xffc04020, 0xffffc0a0},
		{"src in dst", setting{"BITBLT_COMMAND": cmdBlend, "BLEND_FUNCTION": coeffDstAlpha | coeffZero<<8}, 0xff4080c0, 0x80ffffff, 0x80204060},
		{"constant alpha", setting{"BITBLT_COMMAND": cmdBlend, "BLEND_FUNCTION": coeffGlobalAlpha | coeffZero<<8, "ALPHA": 0x80808080}, 0xff4080c0, 0, 0x80204060},
		{"round down", setting{"BITBLT_COMMAND": cmdBlend, "BLEND_FUNCTION": coeffGlobalAlpha | coeffZero<<8, "ALPHA": 0x7f, "ROUND_MODE": 0}, 0xff010203, 0, 0x7f000101},
		{"premultiply", setting{"BITBLT_COMMAND": cmdSrcPremul}, 0x80ff8040, 0, 0x80804020},
		{"depremultiply", setting{"BITBLT_COMMAND": cmdDstDepremul}, 0x80804020, 0, 0x80ff8040},
		{"darken", setting{"BITBLT_COMMAND": cmdBlend, "BLEND_FUNCTION": blendDarken}, 0xff204060, 0xff604020, 0xff204020},
		{"lighten", setting{"BITBLT_COMMAND": cmdBlend, "BLEND_FUNCTION": blendLighten}, 0xff204060, 0xff604020, 0xff604060},
		{"keyed out", setting{"BITBLT_COMMAND": cmdSrcKey, "SRC_COLORKEY_CTRL": 0x111, "SRC_COLORKEY_DR_MIN": 0x400000}, 0x3fffff, 7, 7},
		{"keyed in", setting{"BITBLT_COMMAND": cmdSrcKey, "SRC_COLORKEY_CTRL": 0x111, "SRC_COLORKEY_DR_MIN": 0x400000}, 0x40ffff, 7, 0x40ffff},
		{"destination keyed out", setting{"BITBLT_COMMAND": cmdDstKey, "DST_COLORKEY_CTRL": 0x10001, "DST_COLORKEY_DR_MAX": 7}, 1, 7, 7},
		{"transparent", setting{"BITBLT_COMMAND": keepTransparent << 12, "BS_COLOR": 0xff000001}, 1, 7, 7},
		{"blue screen", setting{"BITBLT_COMMAND": keepBlueScreen << 12, "BS_COLOR": 1, "BG_COLOR": 9}, 1, 7, 9},
		{"fill", setting{"BITBLT_COMMAND": cmdFill, "SF_COLOR": 0x12345678}, 1, 7, 0x12345678},
		{"colour", setting{"SRC_SELECT": selectFG, "FG_COLOR": 0x12345678}, 1, 7, 0x12345678},
	} {
		t.Run(c.name, func(t *testing.T) {
			env, _, b := fixture(t)
			putPicture(env, srcBase, 1, c.src)
			putPicture(env, dstBase, 1, c.dst)
			s := argbCopy(1, 1, 1, 1)
			for name, v := range c.regs {
				s[name] = v
			}
			s.start(b)
			env.Clock.Advance(aLongTime)
			if got := pixelAt(env, dstBase); got != c.want {
				t.Errorf("got %#08x, want %#08x", got, c.want)
			}
		})
	}
}

// Luma for each pixel, chroma of the first of four.
func TestKnownNV12(t *testing.T) {
	env, _, b := fixture(t)
	const red, white = 0xffff0000, 0xffffffff
	putPicture(env, srcBase, 2, red, white, white, red)
	s := argbCopy(2, 2, 2, 2)
	s["DST_COLOR_MODE"], s["DST_PLANE2_BASE_ADDR"] = fmtYCbCr420|1<<8|1<<12, dstPlane2
	s.start(b)
	env.Clock.Advance(aLongTime)
	at := func(addr uint64) []byte { return env.Memory.Bytes[addr-uint64(mmiotest.MemoryBase):][:2] }
	for _, c := range []struct {
		name string
		addr uint64
		want []byte
	}{{"first row", dstBase, []byte{81, 235}}, {"second row", dstBase + 64, []byte{235, 81}}, {"Cr and Cb", dstPlane2, []byte{240, 90}}} {
		if got := at(c.addr); !bytes.Equal(got, c.want) {
			t.Errorf("%s: got %d, want %d", c.name, got, c.want)
		}
	}
}

// Half-way between two pixels and two rows.
func TestKnownBilinear(t *testing.T) {
	env, _, b := fixture(t)
	putPicture(env, srcBase, 2, 0, 0x04040404, 0x08080808, 0x10101010)
	s := argbCopy(2, 2, 3, 3)
	s["SRC_SCALE_CTRL"], s["SRC_XSCALE"], s["SRC_YSCALE"] = scaleBilinear, 0x8000, 0x8000
	s.start(b)
	env.Clock.Advance(aLongTime)
	want := []uint32{0, 0x02020202, 0x04040404, 0x04040404, 0x07070707, 0x0a0a0a0a, 0x08080808, 0x0c0c0c0c, 0x10101010}
	if got := getPicture(env, dstBase, 3, 3); !slices.Equal(got, want) {
		t.Errorf("got %#x, want %#x", got, want)
	}
}

// The offsets in Linux's driver.
func TestLinuxOffsets(t *testing.T) {
	_, d, _ := fixture(t)
	for name, off := range map[string]uint64{
		"SOFT_RESET": 0x0000, "INTEN": 0x0004, "INTC_PEND": 0x000c, "DMA_SFR_BASE_ADDR": 0x0080, "DMA_COMMAND": 0x0084,
		"DMA_STATUS": 0x008c, "DMA_HOLD_CMD": 0x0090, "BITBLT_START": 0x0100, "SRC_BASE_ADDR": 0x0304, "SRC_STRIDE": 0x0308,
		"SRC_COLOR_MODE": 0x030c, "SRC_LEFT_TOP": 0x0310, "SRC_RIGHT_BOTTOM": 0x0314, "SRC_PLANE2_BASE_ADDR": 0x0318,
		"DST_BASE_ADDR": 0x0404, "DST_STRIDE": 0x0408, "DST_COLOR_MODE": 0x040c, "DST_LEFT_TOP": 0x0410, "DST_RIGHT_BOTTOM": 0x0414,
		"DST_PLANE2_BASE_ADDR": 0x0418, "PAT_BASE_ADDR": 0x0500, "MASK_BASE_ADDR": 0x0520,
	} {
		id, ok := d.Lookup(name)
		if !ok || d.Reg(id).Offset != off {
			t.Errorf("%s is not at %#x", name, off)
		}
	}
}

func TestDeviceTree(t *testing.T) {
	_, d, _ := fixture(t)
	n := mmiotest.Describe(d)
	if n.Props["compatible"] != "samsung,exynos5250-g2d" {
		t.Errorf("compatible is %v", n.Props["compatible"])
	}
	if _, ok := n.Props["dma-noncoherent"]; !ok {
		t.Error("coherent")
	}
	if d.DTName() != "g2d" {
		t.Errorf("the node is called %s", d.DTName())
	}
	env := mmiotest.NewEnv()
	if _, ok := mmiotest.Describe(New(Config{Name: "g2d", Clock: &env.Clock, DMA: &env.Memory})).Props["dma-noncoherent"]; ok {
		t.Error("not coherent")
	}
	var _ mmio.Snapshotter = d
}
