// SPDX-License-Identifier: Apache-2.0

package g2d

import "vdev/mmio"

// Modes of blending coefficients (libdrm, e_g2d_coeff_mode).
const (
	coeffOne = iota
	coeffZero
	coeffSrcAlpha
	coeffSrcColor
	coeffDstAlpha
	coeffDstColor
	coeffGlobalAlpha
	coeffGlobalColor
	coeffDisjointS
	coeffDisjointD
	coeffConjointS
	coeffConjointD
	numCoeffs
)

func coeffEnum() []mmio.Enum {
	var e []mmio.Enum
	for i, name := range [numCoeffs]string{"one", "zero", "src_alpha", "src_color", "dst_alpha", "dst_color",
		"global_alpha", "global_color", "disjoint_s", "disjoint_d", "conjoint_s", "conjoint_d"} {
		e = append(e, mmio.Enum{Value: uint64(i), Name: name})
	}
	return e
}

// Modes of the alphas inside of coefficients (libdrm, e_g2d_acoeff_mode).
const (
	alphaPixel    = iota // as it is
	alphaSum             // plus global alpha, at most 255
	alphaProduct         // times global alpha
	alphaModeMask = 3
)

// Rounding modes. Blending's mode n is premultiplication's mode n+1, but for the last.
const (
	roundTruncate = iota // a*b >> 8, premultiplication only
	roundPlusOne         // (a+1)*b >> 8
	roundPlusTop         // (a + a>>7)*b >> 8
	roundDivide          // a*b / 255, to nearest
	roundSum             // the same, of the sum of both products: blending only
)

// product multiplies coefficient a by b, both of 8 bits.
func product(round uint8, a, b uint32) uint32 {
	switch round {
	case roundTruncate:
		return a * b >> 8
	case roundPlusOne:
		return (a + 1) * b >> 8
	case roundPlusTop:
		return (a + a>>7) * b >> 8
	}
	return div255(a * b)
}

// div255 is t/255, rounded to nearest, for t up to 255*255.
func div255(t uint32) uint32 {
	t += 0x80
	return (t + t>>8) >> 8
}

// coeff is one of the two coefficients.
type coeff struct {
	mode, srcAlpha, dstAlpha uint8
	inverse                  bool
}

// uniform tells whether the coefficient is the same for all channels of a pixel.
func (c *coeff) uniform() bool {
	return c.mode != coeffSrcColor && c.mode != coeffDstColor && c.mode != coeffGlobalColor
}

// blender is a decoded BLEND_FUNCTION.
type blender struct {
	src, dst        coeff
	darken, lighten bool
	round           uint8
	alpha           uint32 // global
	color           uint32 // global, ARGB8888
}

func newBlender(function, round, alpha uint32) blender {
	return blender{
		src:    coeff{uint8(function & 0xf), uint8(function >> 4 & alphaModeMask), uint8(function >> 6 & alphaModeMask), function&blendInvSrc != 0},
		dst:    coeff{uint8(function >> 8 & 0xf), uint8(function >> 12 & alphaModeMask), uint8(function >> 14 & alphaModeMask), function&blendInvDst != 0},
		darken: function&blendDarken != 0, lighten: function&blendLighten != 0,
		round: uint8(round&3) + roundPlusOne, alpha: alpha & 0xff, color: alpha&0xff<<24 | alpha>>8,
	}
}

// valid tells whether the coefficients exist.
func (b *blender) valid() bool {
	if b.darken || b.lighten {
		return !(b.darken && b.lighten)
	}
	ok := func(c coeff) bool {
		return c.mode < numCoeffs && c.srcAlpha != alphaModeMask && c.dstAlpha != alphaModeMask
	}
	return ok(b.src) && ok(b.dst)
}

// readsDst tells whether the result depends on the destination.
func (b *blender) readsDst() bool {
	if b.darken || b.lighten || b.dst != (coeff{mode: coeffZero, srcAlpha: b.dst.srcAlpha, dstAlpha: b.dst.dstAlpha}) {
		return true
	}
	switch b.src.mode {
	case coeffDstAlpha, coeffDstColor, coeffDisjointS, coeffDisjointD, coeffConjointS, coeffConjointD:
		return true
	}
	return false
}

// over tells whether this is the most common case, source over destination, which
// has its own loop.
func (b *blender) over() bool {
	return !b.darken && !b.lighten && b.round == roundSum && b.src.mode == coeffOne && !b.src.inverse &&
		b.dst == coeff{mode: coeffSrcAlpha, inverse: true, dstAlpha: b.dst.dstAlpha}
}

// withGlobal is an alpha inside of a coefficient.
func (b *blender) withGlobal(a uint32, mode uint8) uint32 {
	switch mode {
	case alphaSum:
		return min(a+b.alpha, 255)
	case alphaProduct:
		return div255(a * b.alpha)
	}
	return a
}

// ratio is n/d as a coefficient, at most 1; n/0 is 1.
func ratio(n, d uint32) uint32 {
	if d == 0 {
		return 255
	}
	return min((n*255+d/2)/d, 255)
}

const perChannel = 0x01010101

// value is the coefficient for each channel, packed like a pixel.
func (b *blender) value(c *coeff, s, d uint32) uint32 {
	var v uint32
	sa, da := b.withGlobal(s>>24, c.srcAlpha), b.withGlobal(d>>24, c.dstAlpha)
	switch c.mode {
	case coeffOne:
		v = 255 * perChannel
	case coeffZero:
	case coeffSrcAlpha:
		v = sa * perChannel
	case coeffSrcColor:
		v = s
	case coeffDstAlpha:
		v = da * perChannel
	case coeffDstColor:
		v = d
	case coeffGlobalAlpha:
		v = b.alpha * perChannel
	case coeffGlobalColor:
		v = b.color
	case coeffDisjointS:
		v = ratio(255-sa, da) * perChannel
	case coeffDisjointD:
		v = ratio(255-da, sa) * perChannel
	case coeffConjointS:
		v = ratio(sa, da) * perChannel
	case coeffConjointD:
		v = ratio(da, sa) * perChannel
	}
	if c.inverse {
		v = ^v // 255 minus each channel
	}
	return v
}

// combine is cs*s + cd*d for one channel, at most 255.
func (b *blender) combine(cs, s, cd, d uint32) uint32 {
	if b.round == roundSum {
		return min(div255(cs*s+cd*d), 255)
	}
	return min(product(b.round, cs, s)+product(b.round, cd, d), 255)
}

// pixel blends source s over destination d.
func (b *blender) pixel(s, d uint32) uint32 {
	if b.darken || b.lighten {
		return b.compare(s, d)
	}
	cs, cd := b.value(&b.src, s, d), b.value(&b.dst, s, d)
	var out uint32
	for sh := 0; sh < 32; sh += 8 {
		out |= b.combine(cs>>sh&0xff, s>>sh&0xff, cd>>sh&0xff, d>>sh&0xff) << sh
	}
	return out
}

// compare is darken and lighten: each channel is that of source over destination or
// of destination over source, whichever is darker (lighter).
func (b *blender) compare(s, d uint32) uint32 {
	sa, da := s>>24, d>>24
	var out uint32
	for sh := 0; sh < 32; sh += 8 {
		sc, dc := s>>sh&0xff, d>>sh&0xff
		x, y := da*sc, sa*dc
		if b.lighten {
			x, y = y, x
		}
		if x < y {
			out |= b.combine(255, sc, 255-sa, dc) << sh
		} else {
			out |= b.combine(255-da, sc, 255, dc) << sh
		}
	}
	return out
}

// row blends s over d into s.
func (b *blender) row(s, d []uint32) {
	d = d[:len(s)]
	if b.over() {
		overRow(s, d)
		return
	}
	if b.round == roundSum && !b.darken && !b.lighten && b.src.uniform() && b.dst.uniform() {
		b.uniformRow(s, d)
		return
	}
	for i := range s {
		s[i] = b.pixel(s[i], d[i])
	}
}

// overRow is row for source over destination with roundSum. (255*s + x)/255 is
// s + x/255, rounded alike, as long as the sum does not exceed 255.
func overRow(s, d []uint32) {
	done := overMost(s, d)
	overRest(s[done:], d[done:])
}

// overRest is overRow, one pixel at a time: blue and red, then green and alpha.
func overRest(s, d []uint32) {
	d = d[:len(s)]
	for i, sv := range s {
		dv, inv := d[i], 255-sv>>24
		br := dv&evenBytes*inv + halfEven
		ga := dv>>8&evenBytes*inv + halfEven
		t := (br+br>>8&evenBytes)>>8&evenBytes | (ga+ga>>8&evenBytes)&^evenBytes
		sum := sv + t
		if (sv^t^sum)&carries != 0 { // colours above their alpha
			sum = addSaturated(sv, t)
		}
		s[i] = sum
	}
}

const (
	evenBytes = 0x00ff00ff
	halfEven  = 0x00800080
	carries   = 0x01010100 // of the colours into the next channel; alphas have none
)

// addSaturated adds each channel, up to 255.
func addSaturated(x, y uint32) (sum uint32) {
	for sh := 0; sh < 32; sh += 8 {
		sum |= min(x>>sh&0xff+y>>sh&0xff, 255) << sh
	}
	return sum
}

// Two channels side by side, 32 bits for each: room for the sum of two products.
const (
	half32  = 0x00000080_00000080
	keep32  = 0x00ffffff_00ffffff
	sum32   = 0x000001ff_000001ff
	carry32 = 0x00000001_00000001
)

// uniformRow is row with roundSum if a coefficient is the same for all channels.
func (b *blender) uniformRow(s, d []uint32) {
	for i, sv := range s {
		dv := d[i]
		cs, cd := uint64(b.value(&b.src, sv, dv)&0xff), uint64(b.value(&b.dst, sv, dv)&0xff)
		s[i] = sum2(sv, cs, dv, cd) | sum2(sv>>8, cs, dv>>8, cd)<<8
	}
}

// sum2 combines the channels in bits 0 to 7 and 16 to 23.
func sum2(s uint32, cs uint64, d uint32, cd uint64) uint32 {
	spread := func(v uint32) uint64 { return uint64(v&0xff) | uint64(v>>16&0xff)<<32 }
	t := spread(s)*cs + spread(d)*cd + half32
	t = (t + t>>8&keep32) >> 8 & sum32
	t |= t >> 8 & carry32 * 255
	return uint32(t&0xff) | uint32(t>>32&0xff)<<16
}

// premultiplyRow multiplies colours by their alpha.
func premultiplyRow(round uint8, p []uint32) {
	for i, c := range p {
		a := c >> 24
		p[i] = a<<24 | product(round, a, c>>16&0xff)<<16 | product(round, a, c>>8&0xff)<<8 | product(round, a, c&0xff)
	}
}

// depremultiplyRow divides colours by their alpha, to nearest, at most 255; with
// alpha 0 the colour becomes 0.
func depremultiplyRow(p []uint32) {
	for i, c := range p {
		switch a := c >> 24; a {
		case 255:
		case 0:
			p[i] = 0
		default:
			div := func(x uint32) uint32 { return min((x*255+a/2)/a, 255) }
			p[i] = a<<24 | div(c>>16&0xff)<<16 | div(c>>8&0xff)<<8 | div(c&0xff)
		}
	}
}

// maskRow multiplies each channel of p by that of the mask.
func maskRow(p, mask []uint32) {
	mask = mask[:len(p)]
	for i, c := range p {
		m := mask[i]
		var out uint32
		for sh := 0; sh < 32; sh += 8 {
			out |= div255(c>>sh&0xff*(m>>sh&0xff)) << sh
		}
		p[i] = out
	}
}
