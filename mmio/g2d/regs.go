// SPDX-License-Identifier: Apache-2.0

package g2d

import (
	"math"

	"vdev/mmio"
)

// The registers, in the order of their offsets.
const (
	regSoftReset mmio.RegID = iota
	regInten
	regIntcPend
	regFIFOStat
	regAXIIDMode
	regCacheCtl
	regAXIMode
	regDMASFRBase
	regDMACommand
	regDMAExeListNum
	regDMAStatus
	regDMAHoldCmd
	regBitbltStart // from here on, SFRCLEAR resets
	regBitbltCommand
	regBlendFunction
	regRoundMode
	regRotate
	regSrcMaskDirect
	regDstPatDirect
	regSrcSelect
	regSrcBase
	regSrcStride
	regSrcColorMode
	regSrcLeftTop
	regSrcRightBottom
	regSrcPlane2
	regSrcRepeat
	regSrcPad
	regSrcA8Ext
	regSrcScaleCtrl
	regSrcXScale
	regSrcYScale
	regDstSelect
	regDstBase
	regDstStride
	regDstColorMode
	regDstLeftTop
	regDstRightBottom
	regDstPlane2
	regDstA8Ext
	regPatBase
	regPatSize
	regPatColorMode
	regPatOffset
	regPatStride
	regMaskBase
	regMaskStride
	regMaskLeftTop
	regMaskRightBottom
	regMaskMode
	regMaskRepeat
	regMaskPad
	regMaskScaleCtrl
	regMaskXScale
	regMaskYScale
	regCWLeftTop
	regCWRightBottom
	regThirdOperand
	regROP4
	regAlpha
	regFGColor
	regBGColor
	regBSColor
	regSFColor
	regSrcKeyCtrl
	regSrcKeyMin
	regSrcKeyMax
	regDstKeyCtrl
	regDstKeyMin
	regDstKeyMax
	regYSrcKeyCtrl
	regYSrcKeyMin
	regYSrcKeyMax
	regYDstKeyCtrl
	regYDstKeyMin
	regYDstKeyMax
	regGamma
	numRegs
)

const windowSize = 0x1000

// Bits of SOFT_RESET.
const (
	resetEngine = 1 << 0
	resetClear  = 1 << 1
)

// Bits of INTEN and INTC_PEND.
const (
	intSlave = 1 << 0 // a bitblt that the CPU started is done
	intList  = 1 << 1 // held after a command list
	intUser  = 1 << 2 // held after a bitblt of a command list
	intAll   = 1 << 3 // all command lists are done
	intBits  = intSlave | intList | intUser | intAll
)

// Bits of DMA_COMMAND, DMA_STATUS, DMA_HOLD_CMD and BITBLT_START.
const (
	dmaStart    = 1 << 0
	dmaContinue = 1 << 1
	dmaHalt     = 1 << 2

	statusDone       = 1 << 0
	statusBitbltLo   = 1
	statusBitbltMask = 0xffff
	statusListLo     = 17
	statusListMask   = 0xff

	holdBitblt = 1 << 0
	holdList   = 1 << 1
	holdUser   = 1 << 2

	startBitblt  = 1 << 0
	startNoHold  = 1 << 1
	startCaseSel = 1 << 2
)

// Bits of BITBLT_COMMAND.
const (
	cmdMaskROP4    = 1 << 0
	cmdMasking     = 1 << 1
	cmdROP4Alpha   = 1 << 2
	cmdDither      = 1 << 3
	cmdClip        = 1 << 8
	cmdSrcKey      = 1 << 16
	cmdDstKey      = 1 << 17
	cmdYSrcKey     = 1 << 18
	cmdYDstKey     = 1 << 19
	cmdBlend       = 1 << 20
	cmdSrcPremul   = 1 << 24
	cmdPatPremul   = 1 << 25
	cmdDstPremul   = 1 << 26
	cmdDstDepremul = 1 << 27
	cmdFill        = 1 << 28
)

// Bits of BLEND_FUNCTION.
const (
	blendInvSrc  = 1 << 16
	blendInvDst  = 1 << 18
	blendLighten = 1 << 20
	blendDarken  = 1 << 21
	blendWinCE   = 3 << 22
)

const all32 = math.MaxUint32

// only makes all bits but these read-only zeros.
func only(bits uint64) uint64 { return all32 &^ bits }

func colorModeFields() []mmio.Field {
	format := mmio.Field{Name: "format", Lo: 0, Hi: 3}
	for code, name := range formatNames() {
		if name != "" {
			format.Enum = append(format.Enum, mmio.Enum{Value: uint64(code), Name: name})
		}
	}
	return []mmio.Field{format,
		{Name: "order", Lo: 4, Hi: 5, Enum: []mmio.Enum{{Value: 0, Name: "AXRGB"}, {Value: 1, Name: "RGBAX"}, {Value: 2, Name: "AXBGR"}, {Value: 3, Name: "BGRAX"}},
			Doc: "the channels from the most significant bit down"},
		{Name: "planes", Lo: 8, Hi: 9, Enum: []mmio.Enum{{Value: 0, Name: "1"}, {Value: 1, Name: "2"}}, Doc: "YCbCr: packed, or luma and chroma apart"},
		{Name: "ycbcr_order", Lo: 12, Hi: 13, Enum: []mmio.Enum{{Value: 0, Name: "CrY1CbY0"}, {Value: 1, Name: "CbY1CrY0"}, {Value: 2, Name: "Y1CrY0Cb"}, {Value: 3, Name: "Y1CbY0Cr"}},
			Doc: "from the most significant byte down"},
		{Name: "csc", Lo: 16, Hi: 16, Enum: []mmio.Enum{{Value: 0, Name: "601"}, {Value: 1, Name: "709"}}},
		{Name: "range", Lo: 17, Hi: 17, Enum: []mmio.Enum{{Value: 0, Name: "narrow"}, {Value: 1, Name: "wide"}}}}
}

// colorModeBits are the bits of a color mode register.
const colorModeBits = 0x3333f

func selectFields() []mmio.Field {
	return []mmio.Field{{Name: "select", Lo: 0, Hi: 1, Enum: []mmio.Enum{
		{Value: selectMemory, Name: "memory"}, {Value: selectFG, Name: "foreground"}, {Value: selectBG, Name: "background"}}}}
}

func repeatFields() []mmio.Field {
	return []mmio.Field{{Name: "mode", Lo: 0, Hi: 2, Enum: []mmio.Enum{
		{Value: repeatNormal, Name: "repeat"}, {Value: repeatPad, Name: "pad"}, {Value: repeatReflect, Name: "reflect"},
		{Value: repeatClamp, Name: "clamp"}, {Value: repeatNone, Name: "none"}}}}
}

func scaleFields() []mmio.Field {
	return []mmio.Field{{Name: "mode", Lo: 0, Hi: 1, Enum: []mmio.Enum{
		{Value: scaleNone, Name: "none"}, {Value: scaleNearest, Name: "nearest"}, {Value: scaleBilinear, Name: "bilinear"},
		{Value: scaleBilinearClamped, Name: "bilinear-clamped"}}}}
}

func keyFields() []mmio.Field {
	return []mmio.Field{mmio.Bit(0, "b", "test blue"), mmio.Bit(4, "g", "test green"), mmio.Bit(8, "r", "test red"),
		mmio.Bit(12, "a", "test alpha"), mmio.Bit(16, "inverse", "discard what passes")}
}

// keyBits are the bits of a colour key control register.
const keyBits = 0x11111

func intFields() []mmio.Field {
	return []mmio.Field{mmio.Bit(0, "scmd", "a bitblt started by the CPU is done"), mmio.Bit(1, "gcmd", "held after a command list"),
		mmio.Bit(2, "ucmd", "held after a bitblt"), mmio.Bit(3, "acmd", "all command lists are done")}
}

func (d *G2D) block() mmio.Block {
	// The shapes that repeat.
	point := func(name string, off uint64, doc string) mmio.Reg {
		return mmio.Reg{Name: name, Offset: off, ROMask: only(0x1fff1fff), Doc: doc,
			Fields: []mmio.Field{mmio.Bits(12, 0, "x", ""), mmio.Bits(28, 16, "y", "")}}
	}
	bits := func(name string, off, bits uint64, doc string, fields ...mmio.Field) mmio.Reg {
		return mmio.Reg{Name: name, Offset: off, ROMask: only(bits), Doc: doc, Fields: fields}
	}
	word := func(name string, off uint64, doc string) mmio.Reg { return mmio.Reg{Name: name, Offset: off, Doc: doc} }
	missing := func(name string, off uint64, doc string) mmio.Reg {
		return mmio.Reg{Name: name, Offset: off, Unimplemented: all32, Doc: doc}
	}
	with := func(r mmio.Reg, change func(*mmio.Reg)) mmio.Reg { change(&r); return r }
	reset := func(v uint64) func(*mmio.Reg) { return func(r *mmio.Reg) { r.Reset = v } }

	return mmio.Block{
		Title: "FIMG2D 4.1",
		Doc: "Samsung's 2D graphics accelerator as Linux's exynos_drm_g2d.c and libdrm's exynos_fimg2d.c program it: " +
			"fills, copies, raster operations, scaling, rotation and blending of pictures in memory, from registers or from command lists that it fetches itself.",
		Size: windowSize,
		Regs: []mmio.Reg{
			regSoftReset: {Name: "SOFT_RESET", Offset: 0x000, Access: mmio.WO, Doc: "Resets parts of the device.",
				Fields:    []mmio.Field{mmio.Bit(0, "r", "stop the engine and reset the registers below BITBLT_START"), mmio.Bit(1, "sfrclear", "reset the registers from BITBLT_START on")},
				PostWrite: func(_ int, _, v uint64) { d.softReset(v) }},
			regInten: {Name: "INTEN", Offset: 0x004, ROMask: only(intBits), Doc: "The bits of INTC_PEND that interrupt.",
				Fields: intFields(), PostWrite: func(int, uint64, uint64) { d.update() }},
			regIntcPend: {Name: "INTC_PEND", Offset: 0x00c, ROMask: only(intBits), W1C: intBits, Doc: "What has happened.",
				Fields: intFields(), PostWrite: func(int, uint64, uint64) { d.update() }},
			regFIFOStat: {Name: "FIFO_STAT", Offset: 0x010, Access: mmio.RO, Reset: 1, Doc: "Whether the engine is at work.",
				Fields: []mmio.Field{mmio.Bit(0, "finished", "no bitblt is under way")}},
			regAXIIDMode: word("AXI_ID_MODE", 0x014, "Read identifiers on the bus; no effect on results."),
			regCacheCtl:  {Name: "CACHECTL", Offset: 0x018, Access: mmio.WO, Doc: "Clears the engine's internal caches, of which this model has none."},
			regAXIMode: bits("AXI_MODE", 0x01c, 0x31f1fff, "Burst length and cache attributes on the bus; no effect on results.",
				mmio.Bits(3, 0, "arcache", ""), mmio.Bits(7, 4, "awcache", ""), mmio.Bits(12, 8, "aruser", ""), mmio.Bits(20, 16, "awuser", ""), mmio.Bits(25, 24, "max_burst", "2<<max_burst")),
			regDMASFRBase: word("DMA_SFR_BASE_ADDR", 0x080, "Bus address of the first command list."),
			regDMACommand: {Name: "DMA_COMMAND", Offset: 0x084, Access: mmio.WO, Starts: true, Doc: "Runs command lists.",
				Fields:    []mmio.Field{mmio.Bit(0, "start", "from DMA_SFR_BASE_ADDR"), mmio.Bit(1, "continue", "after a hold or halt"), mmio.Bit(2, "halt", "after the bitblt under way")},
				PostWrite: func(_ int, _, v uint64) { d.dmaCommand(v) }},
			regDMAExeListNum: missing("DMA_EXE_LIST_NUM", 0x088, "Not known from public sources."),
			regDMAStatus: {Name: "DMA_STATUS", Offset: 0x08c, Access: mmio.RO, Doc: "Progress since the last start.",
				Fields: []mmio.Field{mmio.Bit(0, "done", "all lists are done"), mmio.Bits(16, 1, "bitblts", "bitblts done"), mmio.Bits(24, 17, "lists", "command lists done")}},
			regDMAHoldCmd: {Name: "DMA_HOLD_CMD", Offset: 0x090, ROMask: only(holdBitblt | holdList | holdUser), Unimplemented: holdUser, Doc: "Where to wait for DMA_COMMAND continue.",
				Fields: []mmio.Field{mmio.Bit(0, "bitblt", "after each bitblt"), mmio.Bit(1, "list", "after each list"), mmio.Bit(2, "user", "not known from public sources")}},

			regBitbltStart: {Name: "BITBLT_START", Offset: 0x100, Access: mmio.WO, Starts: true, ROMask: only(startBitblt | startNoHold | startCaseSel), Unimplemented: startCaseSel,
				Doc:       "Starts an operation with the parameters as they are now.",
				Fields:    []mmio.Field{mmio.Bit(0, "start", ""), mmio.Bit(1, "nohold", "DMA_HOLD_CMD bitblt does not apply"), mmio.Bit(2, "casesel", "not known from public sources")},
				PostWrite: func(_ int, _, v uint64) { d.bitbltStart(v) }},
			regBitbltCommand: {Name: "BITBLT_COMMAND", Offset: 0x104, Doc: "What is done to each pixel.",
				ROMask: 0xe000cef0, Unimplemented: cmdDither | cmdYSrcKey | cmdYDstKey | 0xe00000,
				Fields: []mmio.Field{mmio.Bit(0, "mask_rop4", "the mask chooses between the two ROP3"), mmio.Bit(1, "masking", "the source is multiplied by the mask"),
					mmio.Bit(2, "rop4_alpha", "alpha, too, comes from the raster operation"), mmio.Bit(3, "dither", ""), mmio.Bit(8, "clip", "clipping window"),
					{Name: "transparent", Lo: 12, Hi: 13, Enum: []mmio.Enum{{Value: 0, Name: "opaque"}, {Value: 1, Name: "transparent"}, {Value: 2, Name: "bluescreen"}}},
					mmio.Bit(16, "src_key", ""), mmio.Bit(17, "dst_key", ""), mmio.Bit(18, "ycbcr_src_key", ""), mmio.Bit(19, "ycbcr_dst_key", ""),
					mmio.Bit(20, "blend", ""), mmio.Bit(24, "src_premultiply", ""), mmio.Bit(25, "pat_premultiply", ""), mmio.Bit(26, "dst_premultiply", ""),
					mmio.Bit(27, "dst_depremultiply", ""), mmio.Bit(28, "fill", "solid fill; nothing else in this register counts")}},
			regBlendFunction: {Name: "BLEND_FUNCTION", Offset: 0x108, Doc: "The coefficients of blending.",
				ROMask: 0xff0a0000, Unimplemented: blendWinCE,
				Fields: []mmio.Field{{Name: "src_coeff", Lo: 0, Hi: 3, Enum: coeffEnum()}, mmio.Bits(5, 4, "src_coeff_src_a", ""), mmio.Bits(7, 6, "src_coeff_dst_a", ""),
					{Name: "dst_coeff", Lo: 8, Hi: 11, Enum: coeffEnum()}, mmio.Bits(13, 12, "dst_coeff_src_a", ""), mmio.Bits(15, 14, "dst_coeff_dst_a", ""),
					mmio.Bit(16, "inv_src_coeff", ""), mmio.Bit(18, "inv_dst_coeff", ""), mmio.Bit(20, "lighten", ""), mmio.Bit(21, "darken", ""), mmio.Bits(23, 22, "wince_src_over", "")}},
			regRoundMode: with(bits("ROUND_MODE", 0x10c, 0x33, "How products of eight bits are rounded.",
				mmio.Bits(1, 0, "blend", ""), mmio.Bits(5, 4, "premultiply", "")), reset(0x33)),

			regRotate:        bits("ROTATE", 0x200, 0x101, "Rotation by 90 degrees, counter-clockwise.", mmio.Bit(0, "src", ""), mmio.Bit(8, "mask", "")),
			regSrcMaskDirect: bits("SRC_MASK_DIRECT", 0x204, 0x33, "Directions in which images are walked: 1 is from the right, from the bottom.", mmio.Bit(0, "src_x", ""), mmio.Bit(1, "src_y", ""), mmio.Bit(4, "mask_x", ""), mmio.Bit(5, "mask_y", "")),
			regDstPatDirect:  bits("DST_PAT_DIRECT", 0x208, 0x33, "Directions in which images are walked: 1 is from the right, from the bottom.", mmio.Bit(0, "dst_x", ""), mmio.Bit(1, "dst_y", ""), mmio.Bit(4, "pat_x", ""), mmio.Bit(5, "pat_y", "")),

			regSrcSelect:      with(bits("SRC_SELECT", 0x300, 3, "Where source pixels come from.", selectFields()...), reset(selectFG)),
			regSrcBase:        word("SRC_BASE_ADDR", 0x304, "Bus address of the source image."),
			regSrcStride:      bits("SRC_STRIDE", 0x308, 0xffff, "Bytes from row to row, signed."),
			regSrcColorMode:   bits("SRC_COLOR_MODE", 0x30c, colorModeBits, "Pixel format of the source.", colorModeFields()...),
			regSrcLeftTop:     point("SRC_LEFT_TOP", 0x310, "First pixel of the source rectangle."),
			regSrcRightBottom: point("SRC_RIGHT_BOTTOM", 0x314, "Just behind its last pixel."),
			regSrcPlane2:      word("SRC_PLANE2_BASE_ADDR", 0x318, "Bus address of the source's chroma plane."),
			regSrcRepeat:      bits("SRC_REPEAT_MODE", 0x31c, 7, "What lies outside of the source rectangle.", repeatFields()...),
			regSrcPad:         word("SRC_PAD_VALUE", 0x320, "Colour outside of the source with repeat mode pad, ARGB8888."),
			regSrcA8Ext:       bits("SRC_A8_RGB_EXT", 0x324, 0xffffff, "Colour of A8 source pixels, RGB888."),
			regSrcScaleCtrl:   bits("SRC_SCALE_CTRL", 0x328, 3, "Scaling of the source.", scaleFields()...),
			regSrcXScale:      with(word("SRC_XSCALE", 0x32c, "Source pixels per destination pixel, 16.16."), reset(0x10000)),
			regSrcYScale:      with(word("SRC_YSCALE", 0x330, "Source rows per destination row, 16.16."), reset(0x10000)),

			regDstSelect:      with(bits("DST_SELECT", 0x400, 3, "Where destination pixels are read from.", selectFields()...), reset(selectFG)),
			regDstBase:        word("DST_BASE_ADDR", 0x404, "Bus address of the destination image."),
			regDstStride:      bits("DST_STRIDE", 0x408, 0xffff, "Bytes from row to row, signed."),
			regDstColorMode:   bits("DST_COLOR_MODE", 0x40c, colorModeBits, "Pixel format of the destination.", colorModeFields()...),
			regDstLeftTop:     point("DST_LEFT_TOP", 0x410, "First pixel of the destination rectangle."),
			regDstRightBottom: point("DST_RIGHT_BOTTOM", 0x414, "Just behind its last pixel."),
			regDstPlane2:      word("DST_PLANE2_BASE_ADDR", 0x418, "Bus address of the destination's chroma plane."),
			regDstA8Ext:       bits("DST_A8_RGB_EXT", 0x41c, 0xffffff, "Colour of A8 destination pixels when read, RGB888."),

			regPatBase:      word("PAT_BASE_ADDR", 0x500, "Bus address of the pattern."),
			regPatSize:      with(bits("PAT_SIZE", 0x504, 0x1fff1fff, "Size of the pattern.", mmio.Bits(12, 0, "width", ""), mmio.Bits(28, 16, "height", "")), reset(0x10001)),
			regPatColorMode: bits("PAT_COLOR_MODE", 0x508, colorModeBits, "Pixel format of the pattern.", colorModeFields()...),
			regPatOffset:    point("PAT_OFFSET", 0x50c, "Pixel of the pattern at the start of the destination."),
			regPatStride:    bits("PAT_STRIDE", 0x510, 0xffff, "Bytes from row to row, signed."),

			regMaskBase:        word("MASK_BASE_ADDR", 0x520, "Bus address of the mask."),
			regMaskStride:      bits("MASK_STRIDE", 0x524, 0xffff, "Bytes from row to row, signed."),
			regMaskLeftTop:     point("MASK_LEFT_TOP", 0x528, "First pixel of the mask rectangle."),
			regMaskRightBottom: point("MASK_RIGHT_BOTTOM", 0x52c, "Just behind its last pixel."),
			regMaskMode: bits("MASK_MODE", 0x530, 0x337, "Pixel format of the mask.",
				mmio.Field{Name: "format", Lo: 0, Hi: 2, Enum: []mmio.Enum{{Value: 0, Name: "1bit"}, {Value: 1, Name: "4bit"}, {Value: 2, Name: "8bit"}, {Value: 3, Name: "565"}, {Value: 4, Name: "1555"}, {Value: 5, Name: "4444"}, {Value: 6, Name: "8888"}, {Value: 7, Name: "wince"}}},
				mmio.Bits(5, 4, "order", "as in SRC_COLOR_MODE"),
				mmio.Field{Name: "type", Lo: 8, Hi: 9, Enum: []mmio.Enum{{Value: maskAlpha, Name: "alpha"}, {Value: maskARGB, Name: "argb"}, {Value: maskMixed, Name: "mixed"}}}),
			regMaskRepeat:    bits("MASK_REPEAT_MODE", 0x534, 7, "What lies outside of the mask rectangle.", repeatFields()...),
			regMaskPad:       word("MASK_PAD_VALUE", 0x538, "Mask outside of it with repeat mode pad, ARGB8888."),
			regMaskScaleCtrl: bits("MASK_SCALE_CTRL", 0x53c, 3, "Scaling of the mask.", scaleFields()...),
			regMaskXScale:    with(word("MASK_XSCALE", 0x540, "Mask pixels per destination pixel, 16.16."), reset(0x10000)),
			regMaskYScale:    with(word("MASK_YSCALE", 0x544, "Mask rows per destination row, 16.16."), reset(0x10000)),

			regCWLeftTop:     point("CW_LT", 0x600, "First pixel of the clipping window, in the destination image."),
			regCWRightBottom: point("CW_RB", 0x604, "Just behind its last pixel."),
			regThirdOperand: with(bits("THIRD_OPERAND", 0x610, 0x33, "The third operand of raster operations.",
				mmio.Field{Name: "unmasked", Lo: 0, Hi: 1, Enum: thirdEnum()}, mmio.Field{Name: "masked", Lo: 4, Hi: 5, Enum: thirdEnum()}),
				reset(thirdFG|thirdFG<<4)),
			regROP4: with(bits("ROP4", 0x614, 0xffff, "The raster operations.", mmio.Bits(7, 0, "unmasked", "ROP3"), mmio.Bits(15, 8, "masked", "ROP3 where the mask is not zero")),
				reset(ropSrc)),
			regAlpha: with(word("ALPHA", 0x618, "Global alpha in bits 7:0, global colour in bits 31:8."), reset(all32)),

			regFGColor: word("FG_COLOR", 0x700, "Foreground colour, ARGB8888."),
			regBGColor: word("BG_COLOR", 0x704, "Background colour, ARGB8888."),
			regBSColor: word("BS_COLOR", 0x708, "Blue screen colour, ARGB8888; its alpha does not matter."),
			regSFColor: word("SF_COLOR", 0x70c, "Colour of a solid fill, in the destination's format with channels in the order ARGB, or Y in bits 23:16, Cb and Cr."),

			regSrcKeyCtrl:  bits("SRC_COLORKEY_CTRL", 0x710, keyBits, "Colour key on the source.", keyFields()...),
			regSrcKeyMin:   word("SRC_COLORKEY_DR_MIN", 0x714, "Lower bounds, ARGB8888."),
			regSrcKeyMax:   with(word("SRC_COLORKEY_DR_MAX", 0x718, "Upper bounds, ARGB8888."), reset(all32)),
			regDstKeyCtrl:  bits("DST_COLORKEY_CTRL", 0x71c, keyBits, "Colour key on the destination.", keyFields()...),
			regDstKeyMin:   word("DST_COLORKEY_DR_MIN", 0x720, "Lower bounds, ARGB8888."),
			regDstKeyMax:   with(word("DST_COLORKEY_DR_MAX", 0x724, "Upper bounds, ARGB8888."), reset(all32)),
			regYSrcKeyCtrl: missing("YCBCR_SRC_COLORKEY_CTRL", 0x728, "Colour key on the YCbCr source."),
			regYSrcKeyMin:  missing("YCBCR_SRC_COLORKEY_DR_MIN", 0x72c, "Lower bounds."),
			regYSrcKeyMax:  missing("YCBCR_SRC_COLORKEY_DR_MAX", 0x730, "Upper bounds."),
			regYDstKeyCtrl: missing("YCBCR_DST_COLORKEY_CTRL", 0x734, "Colour key on the YCbCr destination."),
			regYDstKeyMin:  missing("YCBCR_DST_COLORKEY_DR_MIN", 0x738, "Lower bounds."),
			regYDstKeyMax:  missing("YCBCR_DST_COLORKEY_DR_MAX", 0x73c, "Upper bounds."),
			regGamma:       {Name: "GAMMA_TABLE", Offset: 0x740, Count: 81, Stride: 4, Unimplemented: all32, Doc: "Known by name only."},
		},
	}
}

func thirdEnum() []mmio.Enum {
	return []mmio.Enum{{Value: thirdPattern, Name: "pattern"}, {Value: thirdFG, Name: "foreground"}, {Value: thirdBG, Name: "background"}}
}
