// SPDX-License-Identifier: Apache-2.0

package g2d

import "vdev/mmio"

// Values of SRC_SELECT and DST_SELECT.
const (
	selectMemory = iota
	selectFG
	selectBG
	numSelects
)

// Values of the fields of THIRD_OPERAND.
const (
	thirdPattern = iota
	thirdFG
	thirdBG
	numThirds
)

// maskFont is the format of a mask for Windows CE's fonts.
const maskFont = 7

// Types of mask.
const (
	maskAlpha = iota
	maskARGB
	maskMixed
	numMaskTypes
)

// Values of BITBLT_COMMAND transparent.
const (
	keepOpaque = iota
	keepTransparent
	keepBlueScreen
	numTransparents
)

// params are the registers as they were when an operation was started.
type params [numRegs]uint32

// key is a colour key.
type key struct {
	on       bool
	min, max uint32
	channels uint32 // the bits of the channels that are tested
	inverse  bool
}

func newKey(on bool, ctrl, lo, hi uint32) key {
	k := key{on: on, min: lo, max: hi, inverse: ctrl>>16&1 != 0}
	for sh := range 4 {
		k.channels |= ctrl >> (4 * sh) & 1 * 0xff << (8 * sh)
	}
	return k
}

// passes tells whether a pixel is drawn.
func (k *key) passes(c uint32) bool {
	in := true
	for sh := 0; sh < 32; sh += 8 {
		x := c >> sh & 0xff
		if k.channels>>sh&1 != 0 && (x < k.min>>sh&0xff || x > k.max>>sh&0xff) {
			in = false
		}
	}
	return in != k.inverse
}

// job is a decoded operation.
type job struct {
	dst        surface
	rect       rect // of the destination, before clipping
	xneg, yneg bool
	i0, i1     int // the walking positions inside of the clipping window
	j0, j1     int
	work       int // pixels of a row, of the image that has most of them
	dstSelect  uint32
	dstConst   uint32
	dstNeeded  bool // the destination's pixels are read

	fill      bool
	fillPixel uint32

	srcSelect uint32
	srcConst  uint32
	copy      bool // source pixels go to the destination unchanged

	srcKey, dstKey key
	transparent    uint32
	blueScreen     uint32
	background     uint32

	srcPremul, patPremul, dstPremul, depremul bool
	premulRound                               uint8

	rop        [2]uint8  // without and with mask
	third      [2]uint32 // likewise
	thirdConst [2]uint32
	patNeeded  bool
	pat        surface
	patW, patH int
	patX, patY int
	patXNeg    bool
	patYNeg    bool

	ropMask, masking bool
	ropAlpha         bool
	plainROP         bool // the source, everywhere
	blend            bool
	blender          blender
}

// ropSrc is the source itself (libdrm, G2D_ROP3_SRC).
const ropSrc = 0xcc

// A raster operation is a table of eight results, indexed by the bits of third
// operand, source and destination. It does not depend on an operand if the halves of
// the table that differ only in this operand are equal.
func ropReadsDst(rop uint8) bool   { return rop>>1&0x55 != rop&0x55 }
func ropReadsThird(rop uint8) bool { return rop>>4 != rop&0xf }

// problem is why an operation is refused: the register to blame, or none.
type problem struct {
	kind mmio.EventKind
	reg  mmio.RegID
	bad  bool
}

func bad(reg mmio.RegID) problem { return problem{mmio.EventBadValue, reg, true} }

// colorFormat decodes a color mode; ext is the colour of A8.
func colorFormat(mode, ext uint32) (f format, ok bool) {
	switch code := mode & 0xf; code {
	case fmtA8:
		return format{kind: kindA8, bytes: 1, ext: ext}, true
	case fmtL8:
		return format{kind: kindL8, bytes: 1}, true
	case fmtYCbCr444, fmtYCbCr422, fmtYCbCr420:
		return ycbcrFormat(mode)
	default:
		if code >= numFormats {
			return f, false
		}
		return rgbFormat(code, mode>>4&3), true
	}
}

// maskFormat decodes MASK_MODE.
func maskFormat(mode uint32) (f format, ok bool) {
	code, typ := mode&7, mode>>8&3
	if typ >= numMaskTypes {
		return f, false
	}
	switch code {
	case 0:
		return format{kind: kindBits, bits: 1}, true
	case 1:
		return format{kind: kindBits, bits: 4}, true
	case 2:
		return format{kind: kindBits, bits: 8}, true
	case 3, 4, 5, 6:
		f = rgbFormat([...]uint32{fmtRGB565, fmtARGB1555, fmtARGB4444, fmtARGB8888}[code-3], mode>>4&3)
		f.alphaOnly = typ == maskAlpha
		return f, true
	}
	return f, false
}

// decode turns registers into a job, or says why it cannot be done.
func (d *G2D) decode(p *params) problem {
	j := &d.job
	*j = job{}
	d.filled = 0
	if pr := j.decodeDst(p); pr.bad {
		return pr
	}
	cmd := p[regBitbltCommand]
	if cmd&cmdFill != 0 {
		j.fill = true
		j.fillPixel = j.dst.format.fillPixel(p[regDstColorMode]&0xf, p[regSFColor])
		j.work = j.i1 - j.i0
		return problem{}
	}
	for _, step := range [...]func(*params) problem{j.decodePixels, d.decodeSrc, d.decodeMask, j.decodePattern} {
		if pr := step(p); pr.bad {
			return pr
		}
	}
	d.finish()
	return problem{}
}

func (j *job) decodeDst(p *params) problem {
	var ok bool
	if j.dst.format, ok = colorFormat(p[regDstColorMode], p[regDstA8Ext]); !ok {
		return bad(regDstColorMode)
	}
	j.dst.base, j.dst.plane2, j.dst.stride = uint64(p[regDstBase]), uint64(p[regDstPlane2]), bytesPerRow(p[regDstStride])
	j.dst.reg, j.dst.reg2 = regDstBase, regDstPlane2
	if j.rect = newRect(p[regDstLeftTop], p[regDstRightBottom]); !j.rect.valid() {
		return bad(regDstRightBottom)
	}
	if pr := j.dst.format.aligned(p, regDstLeftTop, regDstRightBottom, regDstStride); pr.bad {
		return pr
	}
	j.xneg, j.yneg = p[regDstPatDirect]&1 != 0, p[regDstPatDirect]&2 != 0
	clip := j.rect
	if cmd := p[regBitbltCommand]; cmd&cmdClip != 0 && cmd&cmdFill == 0 {
		w := newRect(p[regCWLeftTop], p[regCWRightBottom])
		clip = rect{max(clip.x0, w.x0), max(clip.y0, w.y0), min(clip.x1, w.x1), min(clip.y1, w.y1)}
	}
	walk := func(lo, hi, start, end int, reverse bool) (int, int) {
		if lo >= hi {
			return 0, 0
		}
		if reverse {
			return end - hi, end - lo
		}
		return lo - start, hi - start
	}
	j.i0, j.i1 = walk(clip.x0, clip.x1, j.rect.x0, j.rect.x1, j.xneg)
	j.j0, j.j1 = walk(clip.y0, clip.y1, j.rect.y0, j.rect.y1, j.yneg)
	if j.i0 == j.i1 {
		j.j0, j.j1 = 0, 0
	}
	return problem{}
}

// decodePixels decodes what is done to each pixel.
func (j *job) decodePixels(p *params) problem {
	cmd := p[regBitbltCommand]
	j.dstSelect = p[regDstSelect]
	if j.dstSelect >= numSelects {
		return bad(regDstSelect)
	}
	consts := [numSelects]uint32{selectFG: p[regFGColor], selectBG: p[regBGColor]}
	j.dstConst = consts[j.dstSelect]
	j.srcKey = newKey(cmd&cmdSrcKey != 0, p[regSrcKeyCtrl], p[regSrcKeyMin], p[regSrcKeyMax])
	j.dstKey = newKey(cmd&cmdDstKey != 0, p[regDstKeyCtrl], p[regDstKeyMin], p[regDstKeyMax])
	if j.transparent = cmd >> 12 & 3; j.transparent >= numTransparents {
		return bad(regBitbltCommand)
	}
	j.blueScreen, j.background = p[regBSColor], p[regBGColor]
	j.srcPremul, j.patPremul = cmd&cmdSrcPremul != 0, cmd&cmdPatPremul != 0
	j.dstPremul, j.depremul = cmd&cmdDstPremul != 0, cmd&cmdDstDepremul != 0
	j.premulRound = uint8(p[regRoundMode] >> 4 & 3)
	j.ropMask, j.masking = cmd&cmdMaskROP4 != 0, cmd&cmdMasking != 0
	j.ropAlpha = cmd&cmdROP4Alpha != 0
	j.rop = [2]uint8{uint8(p[regROP4]), uint8(p[regROP4] >> 8)}
	j.third = [2]uint32{p[regThirdOperand] & 3, p[regThirdOperand] >> 4 & 3}
	if !j.ropMask {
		j.rop[1], j.third[1] = j.rop[0], j.third[0]
	}
	if j.blend = cmd&cmdBlend != 0; j.blend {
		if j.blender = newBlender(p[regBlendFunction], p[regRoundMode], p[regAlpha]); !j.blender.valid() {
			return bad(regBlendFunction)
		}
	}
	return problem{}
}

func (d *G2D) decodeSrc(p *params) problem {
	j, s := &d.job, &d.src
	j.srcSelect = p[regSrcSelect]
	if j.srcSelect >= numSelects {
		return bad(regSrcSelect)
	}
	consts := [numSelects]uint32{selectFG: p[regFGColor], selectBG: p[regBGColor]}
	if j.srcConst = consts[j.srcSelect]; j.srcSelect != selectMemory {
		return problem{}
	}
	var ok bool
	if s.img.format, ok = colorFormat(p[regSrcColorMode], p[regSrcA8Ext]); !ok {
		return bad(regSrcColorMode)
	}
	s.img.base, s.img.plane2, s.img.stride = uint64(p[regSrcBase]), uint64(p[regSrcPlane2]), bytesPerRow(p[regSrcStride])
	s.img.reg, s.img.reg2 = regSrcBase, regSrcPlane2
	r := newRect(p[regSrcLeftTop], p[regSrcRightBottom])
	if !r.valid() {
		return bad(regSrcRightBottom)
	}
	if pr := s.img.format.aligned(p, regSrcLeftTop, regSrcRightBottom, regSrcStride); pr.bad {
		return pr
	}
	if p[regSrcRepeat] >= numRepeats {
		return bad(regSrcRepeat)
	}
	s.place(r, p[regRotate]&1 != 0, p[regSrcMaskDirect]&1 != 0, p[regSrcMaskDirect]&2 != 0,
		uint8(p[regSrcScaleCtrl]), uint8(p[regSrcRepeat]), p[regSrcXScale], p[regSrcYScale], p[regSrcPad])
	return problem{}
}

func (d *G2D) decodeMask(p *params) problem {
	j, s := &d.job, &d.mask
	if !j.ropMask && !j.masking {
		return problem{}
	}
	var ok bool
	if p[regMaskMode]&7 == maskFont {
		return problem{mmio.EventUnimplemented, regMaskMode, true}
	}
	if s.img.format, ok = maskFormat(p[regMaskMode]); !ok {
		return bad(regMaskMode)
	}
	s.img.base, s.img.stride, s.img.reg = uint64(p[regMaskBase]), bytesPerRow(p[regMaskStride]), regMaskBase
	r := newRect(p[regMaskLeftTop], p[regMaskRightBottom])
	if !r.valid() {
		return bad(regMaskRightBottom)
	}
	if p[regMaskRepeat] >= numRepeats {
		return bad(regMaskRepeat)
	}
	s.place(r, p[regRotate]>>8&1 != 0, p[regSrcMaskDirect]>>4&1 != 0, p[regSrcMaskDirect]>>5&1 != 0,
		uint8(p[regMaskScaleCtrl]), uint8(p[regMaskRepeat]), p[regMaskXScale], p[regMaskYScale], p[regMaskPad])
	return problem{}
}

func (j *job) decodePattern(p *params) problem {
	consts := [numThirds]uint32{thirdFG: p[regFGColor], thirdBG: p[regBGColor]}
	for i, sel := range j.third {
		if !ropReadsThird(j.rop[i]) {
			j.third[i] = thirdFG // whatever it is, it need not be read
			continue
		}
		if sel >= numThirds {
			return bad(regThirdOperand)
		}
		j.thirdConst[i] = consts[sel]
		j.patNeeded = j.patNeeded || sel == thirdPattern
	}
	if !j.patNeeded {
		return problem{}
	}
	var ok bool
	if j.pat.format, ok = colorFormat(p[regPatColorMode], 0); !ok || j.pat.format.kind != kindRGB {
		return bad(regPatColorMode)
	}
	j.patW, j.patH = int(p[regPatSize]&0x1fff), int(p[regPatSize]>>16&0x1fff)
	if !(rect{0, 0, j.patW, j.patH}).valid() {
		return bad(regPatSize)
	}
	j.pat.base, j.pat.stride, j.pat.reg = uint64(p[regPatBase]), bytesPerRow(p[regPatStride]), regPatBase
	j.patX, j.patY = int(p[regPatOffset]&0x1fff), int(p[regPatOffset]>>16&0x1fff)
	j.patXNeg, j.patYNeg = p[regDstPatDirect]>>4&1 != 0, p[regDstPatDirect]>>5&1 != 0
	return problem{}
}

// finish works out what need not be done, and how much is left. Only what is certain to
// be drawn comes here: the tables of the samplers take time.
func (d *G2D) finish() {
	j := &d.job
	j.plainROP = j.rop == [2]uint8{ropSrc, ropSrc}
	j.dstNeeded = j.dstSelect == selectMemory &&
		(ropReadsDst(j.rop[0]) || ropReadsDst(j.rop[1]) || j.dstKey.on || j.blend && j.blender.readsDst())
	j.copy = j.srcSelect == selectMemory && j.plainROP && !j.blend && !j.srcKey.on && !j.dstKey.on && j.transparent == keepOpaque &&
		!j.srcPremul && !j.depremul && !j.masking
	n := j.i1 - j.i0
	j.work = n
	if j.patNeeded {
		j.work = max(j.work, min(n, j.patW))
	}
	if j.srcSelect == selectMemory {
		d.src.prepare(j.i0, j.i1)
		j.work = max(j.work, d.src.work())
	}
	if j.ropMask || j.masking {
		d.mask.prepare(j.i0, j.i1)
		j.work = max(j.work, d.mask.work())
	}
}
