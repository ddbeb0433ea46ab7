// SPDX-License-Identifier: Apache-2.0

package fimd

import "testing"

// Where Linux's include/video/samsung_fimd.h and exynos_drm_fimd.c have the registers.
func TestOffsets(t *testing.T) {
	_, d, _ := fixture(t)
	for _, c := range []struct {
		name   string
		i      int
		offset uint64
	}{
		{"VIDCON0", 0, 0x00}, {"VIDCON1", 0, 0x04}, {"VIDCON2", 0, 0x08}, {"VIDTCON0", 0, 0x10}, {"VIDTCON1", 0, 0x14}, {"VIDTCON2", 0, 0x18},
		{"WINCON", 0, 0x20}, {"WINCON", 4, 0x30}, {"SHADOWCON", 0, 0x34},
		{"VIDOSD_A", 0, 0x40}, {"VIDOSD_A", 4, 0x80}, {"VIDOSD_B", 1, 0x54}, {"VIDOSD_C", 0, 0x48}, {"VIDOSD_C", 4, 0x88}, {"VIDOSD_D", 0, 0x5c}, {"VIDOSD_D", 1, 0x6c},
		{"VIDW_BUF_START", 0, 0xa0}, {"VIDW_BUF_START", 4, 0xc0}, {"VIDW_BUF_START1", 4, 0xc4}, {"VIDW_BUF_END", 0, 0xd0}, {"VIDW_BUF_END1", 4, 0xf4},
		{"VIDW_BUF_SIZE", 0, 0x100}, {"VIDW_BUF_SIZE", 4, 0x110}, {"SHD_BUF_START", 1, 0x40a8},
		{"VIDINTCON0", 0, 0x130}, {"VIDINTCON1", 0, 0x134}, {"WKEYCON0", 0, 0x140}, {"WKEYCON1", 3, 0x15c}, {"DITHMODE", 0, 0x170},
		{"WINMAP", 0, 0x180}, {"WINMAP", 4, 0x190}, {"WPALCON_L", 0, 0x1a0}, {"TRIGCON", 0, 0x1a4}, {"I80IFCONA", 1, 0x1b4}, {"I80IFCONB", 0, 0x1b8},
		{"VIDW_ALPHA0", 0, 0x21c}, {"VIDW_ALPHA1", 4, 0x240}, {"BLENDEQ", 0, 0x244}, {"BLENDEQ", 3, 0x250}, {"BLENDCON", 0, 0x260},
		{"WIN_RGB_ORDER", 0, 0x2020}, {"WIN_RGB_ORDER", 4, 0x2030}, {"PALETTE", 0, 0x2400}, {"PALETTE", 256, 0x2800}, {"PALETTE_OLD", 0, 0x400},
	} {
		id, ok := d.Lookup(c.name)
		if !ok {
			t.Errorf("no register %s", c.name)
			continue
		}
		if r := d.Reg(id); r.Offset+uint64(c.i)*r.Stride != c.offset || c.i >= r.Count {
			t.Errorf("%s[%d] is at %#x, want %#x", c.name, c.i, r.Offset+uint64(c.i)*r.Stride, c.offset)
		}
	}
}

// The bits that the model's own tests take from the model, as the header has them.
func TestBits(t *testing.T) {
	for _, c := range []struct {
		name      string
		got, want uint64
	}{
		{"ENVID_F", vidEnableFrame, 1 << 0}, {"ENVID", vidEnable, 1 << 1}, {"CLKDIR", vidClkDir, 1 << 4}, {"CLKVAL_F", vidClkValMask << vidClkValLo, 0xff << 6},
		{"VSTATUS", 3 << beamStatusLo, 3 << 13}, {"LINECNT", beamLineMask << beamLineLo, 0x7ff << 16},
		{"ENWIN", winEnable, 1 << 0}, {"ALPHA_SEL", winAlphaSel, 1 << 1}, {"BPPMODE", winModeMask << winModeLo, 0xf << 2}, {"BLD_PIX", winBlendPix, 1 << 6}, {"ALPHA_MUL", winAlphaMul, 1 << 7},
		{"WSWP", winWordSwap, 1 << 15}, {"HAWSWP", winHalfSwap, 1 << 16}, {"BYTSWP", winByteSwap, 1 << 17}, {"BITSWP", winBitSwap, 1 << 18},
		{"BUFSEL", winBufSel0, 1 << 20}, {"BUFSTATUS", winBufStat0, 1 << 21}, {"YCbCr, BUFAUTOEN, ENLOCAL", winMissing, 1<<13 | 1<<19 | 1<<22},
		{"CHx_ENABLE", 1 << shadowChannelLo, 1 << 0}, {"WINx_PROTECT", 1 << shadowProtectLo, 1 << 10},
		{"INT_ENABLE", intEnable, 1 << 0}, {"INT_FIFO", intFIFOEnable, 1 << 1}, {"FIFOLEVEL_FULL", fifoFull << intFIFOLvlLo, 4 << 2}, {"INT_FRAME", intFrame, 1 << 12},
		{"FRAMESEL1", 3 << intFrameSel1, 3 << 13}, {"FRAMESEL0", 3 << intFrameSel0, 3 << 15},
		{"FIFIOSEL_WINDOW0", fifoSelect(0), 0x1 << 5}, {"FIFIOSEL_WINDOW1", fifoSelect(1), 0x2 << 5}, {"FIFIOSEL_WINDOW2", fifoSelect(2), 0x10 << 5},
		{"FIFIOSEL_WINDOW3", fifoSelect(3), 0x20 << 5}, {"FIFIOSEL_WINDOW4", fifoSelect(4), 0x40 << 5},
		{"VIDINTCON1_INT_FIFO", pendFIFO, 1 << 0}, {"VIDINTCON1_INT_FRAME", pendFrame, 1 << 1}, {"VIDINTCON1_INT_I80", pendI80, 1 << 2},
		{"DIRCON", keyDirection, 1 << 24}, {"KEYEN_F", keyEnable, 1 << 25}, {"KEYBL_EN", keyBlend, 1 << 26}, {"MAP", mapEnable, 1 << 24},
		{"PAL_UPDATE", palUpdate, 1 << 9}, {"NEW_8BIT_ALPHA_VALUE", blend8Bit, 1 << 0}, {"RGB_ORDER_REVERSE", orderReverse, 1 << 11},
		{"BLENDEQ_ONE", uint64(fOne), 1}, {"BLENDEQ_ALPHA_A", uint64(fAlphaA), 2}, {"BLENDEQ_ONE_MINUS_ALPHA_A", uint64(fInvAlphaA), 3}, {"BLENDEQ_ALPHA0", uint64(fAlpha0), 6},
		{"8BPP_PALETTE", mode8, 0x3}, {"8BPP_1232", modeA232, 0x4}, {"16BPP_565", mode565, 0x5}, {"16BPP_A1555", modeA555, 0x6}, {"16BPP_I1555", modeI555, 0x7}, {"18BPP_666", mode666, 0x8},
		{"18BPP_A1665", modeA665, 0x9}, {"19BPP_A1666", modeA666, 0xa}, {"24BPP_888", mode888, 0xb}, {"24BPP_A1887", modeA887, 0xc}, {"25BPP_A1888", modeA888, 0xd},
	} {
		if c.got != c.want {
			t.Errorf("%s is %#x, want %#x", c.name, c.got, c.want)
		}
	}
}
