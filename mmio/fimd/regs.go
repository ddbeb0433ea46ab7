// SPDX-License-Identifier: Apache-2.0

package fimd

import (
	"math"

	"vdev/mmio"
)

// The registers, in the order of their offsets; those of a kind that the windows have
// are arrays.
const (
	regVidCon0 mmio.RegID = iota
	regVidCon1
	regVidCon2
	regVidCon3
	regVidTCon0
	regVidTCon1
	regVidTCon2
	regVidTCon3
	regWinCon
	regShadowCon
	regWinChMap
	regOSDA
	regOSDB
	regOSDC
	regOSDD
	regBufStart0
	regBufStart1
	regBufEnd0
	regBufEnd1
	regBufSize
	regVidIntCon0
	regVidIntCon1
	regKeyCon0
	regKeyCon1
	regKeyAlpha
	regDithMode
	regWinMap
	regWPalConH
	regWPalConL
	regTrigCon
	regI80IFConA
	regI80IFConB
	regColorGain
	regAlpha0
	regAlpha1
	regBlendEq
	regBlendCon
	regRTQoS
	regPaletteAlias
	regOrder
	regBufStart2
	regPalette
	regShadowStart
	regShadowEnd
	regShadowSize
	numRegs
)

const windowSize = 0x20000

// numWindows is the number of hardware windows.
const numWindows = 5

// paletteSize is the number of colours of a window's palette.
const paletteSize = 256

// Bits of VIDCON0.
const (
	vidEnableFrame = 1 << 0 // ENVID_F
	vidEnable      = 1 << 1 // ENVID
	vidClkDir      = 1 << 4
	vidClkValLo    = 6
	vidClkValMask  = 0xff
)

// Bits of VIDCON1 that follow the beam.
const (
	beamStatusLo = 13
	beamLineLo   = 16
	beamLineMask = 0x7ff
	beamBits     = 0x07ffe000
)

// Bits of WINCON.
const (
	winEnable    = 1 << 0
	winAlphaSel  = 1 << 1
	winModeLo    = 2
	winModeMask  = 0xf
	winBlendPix  = 1 << 6
	winAlphaMul  = 1 << 7
	winTriple    = 1 << 14
	winWordSwap  = 1 << 15
	winHalfSwap  = 1 << 16
	winByteSwap  = 1 << 17
	winBitSwap   = 1 << 18
	winBufSel0   = 1 << 20
	winBufStat0  = 1 << 21
	winBufSel1   = 1 << 30
	winBufStat1  = 1 << 31
	winBufStatus = winBufStat0 | winBufStat1
	// winMissing are YCbCr input, automatic buffer change and local input with its
	// colour conversion.
	winMissing = 1<<13 | 1<<19 | 1<<22
)

// Bits of SHADOWCON.
const (
	shadowChannelLo = 0
	shadowProtectLo = 10
)

// Bits of the VIDINTCON registers.
const (
	intEnable     = 1 << 0
	intFIFOEnable = 1 << 1
	intFIFOLvlLo  = 2
	intFIFOSelLo  = 5
	intFrame      = 1 << 12
	intFrameSel1  = 13
	intFrameSel0  = 15

	pendFIFO  = 1 << 0
	pendFrame = 1 << 1
	pendI80   = 1 << 2
	pendBits  = pendFIFO | pendFrame | pendI80
)

// fifoFull is the FIFO level whose interrupt an empty FIFO does not raise.
const fifoFull = 4

// fifoSelect has each window's bit of VIDINTCON0's FIFOSEL.
func fifoSelect(win int) uint64 {
	return [numWindows]uint64{0x01, 0x02, 0x10, 0x20, 0x40}[win] << intFIFOSelLo
}

// Bits of the color key registers, WINMAP, WPALCON, BLENDCON and WIN_RGB_ORDER.
const (
	keyDirection = 1 << 24
	keyEnable    = 1 << 25
	keyBlend     = 1 << 26

	mapEnable = 1 << 24

	palUpdate = 1 << 9

	blend8Bit = 1 << 0

	orderReverse = 1 << 11
)

const (
	all32   = math.MaxUint32
	color24 = 0xffffff
)

// only makes all bits but these read-only zeros.
func only(bits uint64) uint64 { return all32 &^ bits }

func enum(names ...string) []mmio.Enum {
	var e []mmio.Enum
	for v, name := range names {
		if name != "" {
			e = append(e, mmio.Enum{Value: uint64(v), Name: name})
		}
	}
	return e
}

func enumBit(n uint, name, zero, one, doc string) mmio.Field {
	return mmio.Field{Name: name, Lo: n, Hi: n, Enum: enum(zero, one), Doc: doc}
}

func positionFields() []mmio.Field {
	return []mmio.Field{mmio.Bits(10, 0, "y", "line"), mmio.Bits(21, 11, "x", "column"),
		mmio.Bit(22, "y_e", "bit 11 of the line"), mmio.Bit(23, "x_e", "bit 11 of the column")}
}

func rgbFields() []mmio.Field {
	return []mmio.Field{mmio.Bits(7, 0, "blue", ""), mmio.Bits(15, 8, "green", ""), mmio.Bits(23, 16, "red", "")}
}

func factorEnum() []mmio.Enum {
	return enum("0", "1", "alphaA", "1-alphaA", "alphaB", "1-alphaB", "ALPHA0", "", "", "", "A", "1-A", "B", "1-B")
}

func levelFields() []mmio.Field {
	return []mmio.Field{mmio.Bit(0, "fifo", "a window's FIFO ran empty"), mmio.Bit(1, "frame", "the frame came to the selected moment"),
		mmio.Bit(2, "i80", "transfer to an i80 panel done; never set")}
}

func (d *FIMD) block() mmio.Block {
	// Whatever makes the picture takes effect at the next vsync.
	late := func(int, uint64, uint64) { d.touch() }
	window := func(i int, _, _ uint64) { d.touchWindow(i) }
	overlay := func(i int, _, _ uint64) { d.touchWindow(i + 1) }
	return mmio.Block{
		Title: "FIMD display controller",
		Doc: "Five windows, read from memory and blended from 0, the lowest, to 4, on an RGB panel. " +
			"The registers of a window take effect at a vertical sync while SHADOWCON does not protect the window.",
		Size: windowSize,
		Regs: []mmio.Reg{
			regVidCon0: {Name: "VIDCON0", Offset: 0x00, ROMask: 1 << 31, Unimplemented: 0x3c000000, Starts: true,
				Doc: "Video output and its clock.",
				Fields: []mmio.Field{
					mmio.Bit(0, "envid_f", "goes on after the current frame"), mmio.Bit(1, "envid", "video output; 0 stops it at once"),
					{Name: "clksel", Lo: 2, Hi: 3, Enum: enum("hclk", "lcd", "", "27M"), Doc: "not on this chip"},
					enumBit(4, "clkdir", "direct", "divided", "VCLK is the source clock, or that divided by clkval_f+1"), mmio.Bit(5, "vclkfree", "VCLK runs freely"),
					mmio.Bits(13, 6, "clkval_f", "divisor of VCLK, less 1"), mmio.Bit(16, "clkvalup", "when clkval_f takes effect: always at vsync here"),
					{Name: "pnrmode", Lo: 17, Hi: 18, Enum: enum("rgb", "bgr", "serial-rgb", "serial-bgr"), Doc: "order on the wires, as the panel wants it"},
					mmio.Bits(22, 20, "l0_data", "i80 data format"), mmio.Bits(25, 23, "l1_data", "i80 data format"),
					{Name: "vidout", Lo: 26, Hi: 28, Enum: enum("rgb", "tv", "i80-ldi0", "i80-ldi1", "wb-rgb", "", "wb-i80-ldi0", "wb-i80-ldi1"), Doc: "all but rgb: not implemented"},
					mmio.Bit(29, "interlace", "not implemented"), mmio.Bit(30, "dsi_en", "output to MIPI DSI")},
				PostWrite: func(int, uint64, uint64) { d.power() }},
			regVidCon1: {Name: "VIDCON1", Offset: 0x04, ROMask: beamBits,
				Doc: "Polarities, and where the beam is.",
				Fields: []mmio.Field{
					mmio.Bit(4, "inv_vden", ""), mmio.Bit(5, "inv_vsync", ""), mmio.Bit(6, "inv_hsync", ""), mmio.Bit(7, "inv_vclk", ""),
					{Name: "vclk", Lo: 9, Hi: 10, Enum: enum("hold", "run", "", "run-no-vden"), Doc: "on an underrun"},
					{Name: "vstatus", Lo: 13, Hi: 14, Enum: enum("vsync", "backporch", "active", "frontporch"), Doc: "part of the frame"},
					mmio.Bit(15, "fstatus", "field; 0, as nothing is interlaced"), mmio.Bits(26, 16, "linecnt", "line, from 0 in the active part")},
				PreRead: func(_ int, v uint64) uint64 { return v&^beamBits | d.beam() }},
			regVidCon2: {Name: "VIDCON2", Offset: 0x08, Unimplemented: 0x807180, Doc: "Write-back and TV formats; not implemented.",
				Fields: []mmio.Field{mmio.Bit(7, "yuv_crcb", ""), mmio.Bit(8, "org_ycbcr", ""), mmio.Bits(13, 12, "tvfmtsel1", ""), mmio.Bit(14, "tvfmtsel_sw", ""), mmio.Bit(23, "en601", "")}},
			regVidCon3: {Name: "VIDCON3", Offset: 0x0c, Unimplemented: all32, Doc: "Image enhancement; not implemented."},
			regVidTCon0: {Name: "VIDTCON0", Offset: 0x10, Doc: "Vertical timing in lines, each less 1.",
				Fields:    []mmio.Field{mmio.Bits(7, 0, "vspw", "sync"), mmio.Bits(15, 8, "vfpd", "front porch"), mmio.Bits(23, 16, "vbpd", "back porch"), mmio.Bits(31, 24, "vbpde", "back porch of even fields")},
				PostWrite: late},
			regVidTCon1: {Name: "VIDTCON1", Offset: 0x14, Doc: "Horizontal timing in VCLKs, each less 1.",
				Fields:    []mmio.Field{mmio.Bits(7, 0, "hspw", "sync"), mmio.Bits(15, 8, "hfpd", "front porch"), mmio.Bits(23, 16, "hbpd", "back porch"), mmio.Bits(31, 24, "vfpde", "vertical front porch of even fields")},
				PostWrite: late},
			regVidTCon2: {Name: "VIDTCON2", Offset: 0x18, ROMask: only(0xffffff), Doc: "Size of the picture, each less 1.",
				Fields: []mmio.Field{mmio.Bits(10, 0, "hozval", "pixels"), mmio.Bits(21, 11, "lineval", "lines"),
					mmio.Bit(22, "hozval_e", "bit 11 of hozval"), mmio.Bit(23, "lineval_e", "bit 11 of lineval")},
				PostWrite: late},
			regVidTCon3: {Name: "VIDTCON3", Offset: 0x1c, Unimplemented: 1 << 31, Doc: "Sync outputs for i80 and MIPI panels; without effect."},
			regWinCon: {Name: "WINCON", Offset: 0x20, Count: numWindows, ROMask: 0x82200000 &^ winMissing, Unimplemented: winMissing,
				Doc: "Control of a window.",
				Fields: []mmio.Field{
					mmio.Bit(0, "enwin", "the window is shown, if its channel is enabled too"), mmio.Bit(1, "alpha_sel", "without bld_pix: 1 ALPHA1, 0 ALPHA0; with it: 1 the pixel's alpha value, 0 its bit selects ALPHA0 or ALPHA1"),
					{Name: "bppmode", Lo: 2, Hi: 5, Enum: enum(modeNames()...), Doc: "format of pixels"},
					mmio.Bit(6, "bld_pix", "alpha by pixel, not by plane"), mmio.Bit(7, "alpha_mul", "the pixel's alpha value is multiplied by ALPHA0"),
					{Name: "burstlen", Lo: 9, Hi: 10, Enum: enum("16", "8", "4"), Doc: "words; without effect"},
					mmio.Bit(13, "ycbcr", "not implemented"), enumBit(14, "bufmode", "double", "triple", "number of buffers"),
					mmio.Bit(15, "wswp", "swap the words of 64 bits"), mmio.Bit(16, "hawswp", "swap their halfwords"), mmio.Bit(17, "byteswp", "swap their bytes"), mmio.Bit(18, "bitswp", "swap their bits"),
					mmio.Bit(19, "bufautoen", "not implemented"), mmio.Bit(20, "bufsel_l", "buffer to show"), mmio.Bit(21, "bufstatus_l", "buffer being shown"),
					mmio.Bit(22, "enlocal", "not implemented"), mmio.Bits(27, 26, "cscwidth", ""), mmio.Bits(29, 28, "csccon", ""),
					mmio.Bit(30, "bufsel_h", "its upper bit, if triple"), mmio.Bit(31, "bufstatus_h", "")},
				PreRead: func(i int, v uint64) uint64 { return v&^winBufStatus | d.bufStatus(i) }, PostWrite: window},
			regShadowCon: {Name: "SHADOWCON", Offset: 0x34, ROMask: only(0x7fff), Unimplemented: 0x3e0, Starts: true,
				Doc: "Which windows get data, and which must not change now.",
				Fields: []mmio.Field{mmio.Bits(4, 0, "channel", "bit n enables window n's DMA"), mmio.Bits(9, 5, "local", "local input; not implemented"),
					mmio.Bits(14, 10, "protect", "bit n keeps window n's registers from taking effect")},
				PostWrite: late},
			regWinChMap: {Name: "WINCHMAP2", Offset: 0x3c, Reset: 0x7d517d51, Unimplemented: all32, Doc: "Which channel feeds which window; not implemented."},
			regOSDA:     {Name: "VIDOSD_A", Offset: 0x40, Count: numWindows, Stride: 16, ROMask: only(0xffffff), Doc: "Top left pixel of a window.", Fields: positionFields(), PostWrite: window},
			regOSDB:     {Name: "VIDOSD_B", Offset: 0x44, Count: numWindows, Stride: 16, ROMask: only(0xffffff), Doc: "Bottom right pixel of a window, which belongs to it.", Fields: positionFields(), PostWrite: window},
			regOSDC: {Name: "VIDOSD_C", Offset: 0x48, Count: numWindows, Stride: 16,
				Doc: "Window 0: its size in pixels, without effect. Others: the upper 4 bits of the alpha values.",
				Fields: []mmio.Field{mmio.Bits(3, 0, "alpha1_b", ""), mmio.Bits(7, 4, "alpha1_g", ""), mmio.Bits(11, 8, "alpha1_r", ""),
					mmio.Bits(15, 12, "alpha0_b", ""), mmio.Bits(19, 16, "alpha0_g", ""), mmio.Bits(23, 20, "alpha0_r", "")},
				PostWrite: window},
			regOSDD:      {Name: "VIDOSD_D", Offset: 0x5c, Count: 2, Stride: 16, Doc: "Windows 1 and 2: size in pixels, without effect."},
			regBufStart0: {Name: "VIDW_BUF_START", Offset: 0xa0, Count: numWindows, Stride: 8, Starts: true, Doc: "Bus address of a window's first pixel, in buffer 0.", PostWrite: window},
			regBufStart1: {Name: "VIDW_BUF_START1", Offset: 0xa4, Count: numWindows, Stride: 8, Starts: true, Doc: "The same, in buffer 1.", PostWrite: window},
			regBufEnd0:   {Name: "VIDW_BUF_END", Offset: 0xd0, Count: numWindows, Stride: 8, Doc: "Bus address behind a window's last line, in buffer 0; without effect.", PostWrite: window},
			regBufEnd1:   {Name: "VIDW_BUF_END1", Offset: 0xd4, Count: numWindows, Stride: 8, Doc: "The same, in buffer 1; without effect.", PostWrite: window},
			regBufSize: {Name: "VIDW_BUF_SIZE", Offset: 0x100, Count: numWindows, ROMask: only(0xfffffff), Doc: "Layout of a window's lines in memory, in bytes.",
				Fields: []mmio.Field{mmio.Bits(12, 0, "pagewidth", "of a line"), mmio.Bits(25, 13, "offsize", "from a line's end to the next one"),
					mmio.Bit(26, "pagewidth_e", "bit 13 of pagewidth"), mmio.Bit(27, "offsize_e", "bit 13 of offsize")},
				PostWrite: window},
			regVidIntCon0: {Name: "VIDINTCON0", Offset: 0x130, ROMask: only(0x3ffffff), Doc: "Which interrupts, and when.",
				Fields: []mmio.Field{mmio.Bit(0, "inten", "any interrupt"), mmio.Bit(1, "intfifoen", "FIFO interrupt"),
					{Name: "fifolevel", Lo: 2, Hi: 4, Enum: enum("25%", "50%", "75%", "empty", "full")},
					mmio.Bits(11, 5, "fifosel", "windows of the FIFO interrupt: bits 0, 1, 4, 5, 6 for windows 0 to 4"),
					mmio.Bit(12, "intfrmen", "frame interrupt"),
					{Name: "framesel1", Lo: 13, Hi: 14, Enum: enum("none", "backporch", "vsync", "frontporch"), Doc: "its second moment"},
					{Name: "framesel0", Lo: 15, Hi: 16, Enum: enum("backporch", "vsync", "active", "frontporch"), Doc: "its moment"},
					mmio.Bit(17, "i80ifdone", "never happens"), mmio.Bit(18, "syssubcon", ""), mmio.Bit(19, "sysmaincon", ""), mmio.Bits(25, 20, "fifointerval", "")},
				PostWrite: func(int, uint64, uint64) { d.arm(); d.update() }},
			regVidIntCon1: {Name: "VIDINTCON1", Offset: 0x134, W1C: pendBits, ROMask: only(pendBits), Doc: "What has happened; write 1 to clear.",
				Fields: levelFields(), PostWrite: func(int, uint64, uint64) { d.update() }},
			regKeyCon0: {Name: "WKEYCON0", Offset: 0x140, Count: numWindows - 1, Stride: 8, ROMask: only(0x7ffffff), Doc: "Colour key of windows 1 to 4.",
				Fields: []mmio.Field{mmio.Bits(23, 0, "compkey", "bits of colval that do not count"),
					enumBit(24, "dircon", "window", "background", "whose pixel is compared"), mmio.Bit(25, "keyen_f", "colour key"),
					mmio.Bit(26, "keyblen", "blend: with WKEYALPHA where the colour matches, as ever elsewhere")},
				PostWrite: overlay},
			regKeyCon1:  {Name: "WKEYCON1", Offset: 0x144, Count: numWindows - 1, Stride: 8, ROMask: only(color24), Doc: "The colour of the key: colval.", Fields: rgbFields(), PostWrite: overlay},
			regKeyAlpha: {Name: "WKEYALPHA", Offset: 0x160, Count: numWindows - 1, ROMask: only(color24), Doc: "Alpha of matching pixels.", Fields: rgbFields(), PostWrite: overlay},
			regDithMode: {Name: "DITHMODE", Offset: 0x170, ROMask: only(0x7f), Unimplemented: 0x7f, Doc: "Dithering; not implemented.",
				Fields: []mmio.Field{mmio.Bit(0, "dith_en", ""), mmio.Bits(2, 1, "b_pos", ""), mmio.Bits(4, 3, "g_pos", ""), mmio.Bits(6, 5, "r_pos", "")}},
			regWinMap: {Name: "WINMAP", Offset: 0x180, Count: numWindows, ROMask: only(mapEnable | color24), Doc: "One colour instead of a window's pixels; no memory is read.",
				Fields: append(rgbFields(), mmio.Bit(24, "map", "enable")), PostWrite: window},
			regWPalConH: {Name: "WPALCON_H", Offset: 0x19c, ROMask: only(0x66600), Doc: "Palette formats of windows 2 to 4, upper bits.",
				Fields:    []mmio.Field{mmio.Bits(10, 9, "w2pal_h", ""), mmio.Bits(14, 13, "w3pal_h", ""), mmio.Bits(18, 17, "w4pal_h", "")},
				PostWrite: late},
			regWPalConL: {Name: "WPALCON_L", Offset: 0x1a0, ROMask: only(0x3ff), Doc: "Palette formats.",
				Fields: []mmio.Field{
					{Name: "w0pal", Lo: 0, Hi: 2, Enum: enum("A888", "888", "A666", "A665", "666", "A555", "565", "8888")},
					{Name: "w1pal", Lo: 3, Hi: 5, Enum: enum("A888", "888", "A666", "A665", "666", "A555", "565", "8888")},
					mmio.Bit(6, "w2pal_l", "with w2pal_h above: 0=565 1=A555 2=666 3=A665 4=A666 5=888 6=A888 7=8888"), mmio.Bit(7, "w3pal_l", "the same"), mmio.Bit(8, "w4pal_l", "the same"),
					mmio.Bit(9, "palupdate", "palettes and their formats do not take effect while set")},
				PostWrite: late},
			regTrigCon: {Name: "TRIGCON", Offset: 0x1a4, ROMask: 1 << 2, Unimplemented: 1 << 1, Doc: "Triggers of i80 panels; without effect.",
				Fields: []mmio.Field{mmio.Bit(0, "trgmode", ""), mmio.Bit(1, "swtrgcmd", "not implemented"), mmio.Bit(2, "swtrgstatus", "")}},
			regI80IFConA: {Name: "I80IFCONA", Offset: 0x1b0, Count: 2, Unimplemented: all32, Doc: "i80 interface; not implemented."},
			regI80IFConB: {Name: "I80IFCONB", Offset: 0x1b8, Count: 2, Unimplemented: all32, Doc: "i80 interface; not implemented."},
			regColorGain: {Name: "COLORGAINCON", Offset: 0x1c0, Reset: 0x10040100, Unimplemented: all32, Doc: "Colour gains; not implemented."},
			regAlpha0: {Name: "VIDW_ALPHA0", Offset: 0x21c, Count: numWindows, Stride: 8, ROMask: only(color24), Fields: rgbFields(), PostWrite: window,
				Doc: "ALPHA0 of window 0, and its lower 4 bits, here in bits 3:0 of each colour, of the others."},
			regAlpha1: {Name: "VIDW_ALPHA1", Offset: 0x220, Count: numWindows, Stride: 8, ROMask: only(color24), Fields: rgbFields(), PostWrite: window,
				Doc: "The same for ALPHA1."},
			regBlendEq: {Name: "BLENDEQ", Offset: 0x244, Count: numWindows - 1, Reset: blendReset, ROMask: only(0x3cf3cf),
				Doc: "Blending of windows 1 to 4: colour is a·A + b·B, alpha p·alphaA + q·alphaB; A is the window, B all below it.",
				Fields: []mmio.Field{{Name: "a_func", Lo: 0, Hi: 3, Enum: factorEnum()}, {Name: "b_func", Lo: 6, Hi: 9, Enum: factorEnum()},
					{Name: "p_func", Lo: 12, Hi: 15, Enum: factorEnum()}, {Name: "q_func", Lo: 18, Hi: 21, Enum: factorEnum()}},
				PostWrite: overlay},
			regBlendCon: {Name: "BLENDCON", Offset: 0x260, ROMask: only(blend8Bit), Doc: "Width of alpha values.",
				Fields: []mmio.Field{enumBit(0, "blend_new", "4-bit", "8-bit", "")}, PostWrite: late},
			regRTQoS: {Name: "WRTQOSCON", Offset: 0x264, Count: numWindows, Doc: "Priority on the bus; without effect."},
			regPaletteAlias: {Name: "PALETTE_OLD", Offset: 0x400, Count: 2 * paletteSize, Doc: "The palettes of windows 0 and 1, at the offsets of older chips.",
				PreRead:   func(i int, _ uint64) uint64 { return d.GetAt(regPalette, i) },
				PostWrite: func(i int, _, v uint64) { d.SetAt(regPalette, i, v); d.touch() }},
			regOrder: {Name: "WIN_RGB_ORDER", Offset: 0x2020, Count: numWindows, ROMask: only(orderReverse), Doc: "Order of a window's colours.",
				Fields: []mmio.Field{enumBit(11, "order", "rgb", "bgr", "")}, PostWrite: window},
			regBufStart2:   {Name: "VIDW_BUF_START2", Offset: 0x20a0, Count: numWindows, Stride: 8, Starts: true, Doc: "Bus address of a window's first pixel, in buffer 2.", PostWrite: window},
			regPalette:     {Name: "PALETTE", Offset: 0x2400, Count: numWindows * paletteSize, Doc: "The palettes, 256 colours for each window.", PostWrite: late},
			regShadowStart: {Name: "SHD_BUF_START", Offset: 0x40a0, Count: numWindows, Stride: 8, Access: mmio.RO, Doc: "Start address in force."},
			regShadowEnd:   {Name: "SHD_BUF_END", Offset: 0x40d0, Count: numWindows, Stride: 8, Access: mmio.RO, Doc: "End address in force."},
			regShadowSize:  {Name: "SHD_BUF_SIZE", Offset: 0x4100, Count: numWindows, Access: mmio.RO, Doc: "Layout in force."},
		},
	}
}
