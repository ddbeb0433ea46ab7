// SPDX-License-Identifier: Apache-2.0

package fimd

// factor is a coefficient of a blending equation.
type factor uint8

// The factors, as BLENDEQ has them.
const (
	fZero factor = iota
	fOne
	fAlphaA
	fInvAlphaA
	fAlphaB
	fInvAlphaB
	fAlpha0
	fColorA factor = iota + 3
	fInvColorA
	fColorB
	fInvColorB
	numFactors
)

// blendReset is BLENDEQ after reset: A·alphaA + B·(1-alphaA).
const blendReset = uint64(fAlphaA) | uint64(fInvAlphaA)<<6

func (f factor) valid() bool { return f <= fAlpha0 || f >= fColorA && f < numFactors }

// blending is how a layer's pixels meet those below it.
type blending struct {
	base   bool // window 0: nothing is below it
	values bool // pixels have alpha values, not selectors

	// alpha is alphaA by the pixel's alpha, for red, green and blue; grey if they are
	// the same.
	alpha  [3][256]uint8
	alpha0 [3]uint8
	grey   bool

	a, b, p, q factor

	key       bool
	keyBelow  bool // the key is compared with the pixels below
	keyBlend  bool
	keyMask   uint32
	keyColor  uint32
	keyAlpha  [3]uint8
	usesAlpha bool // the equation asks for alphaB
}

// rgb takes the colours of a register apart.
func rgb(v uint32) [3]uint8 { return [3]uint8{uint8(v >> 16), uint8(v >> 8), uint8(v)} }

// div255 is the product of two numbers of 8 bits, or a sum of such, as a share of 255,
// rounded to nearest.
func div255(v uint32) uint32 { return (v + 127) / 255 }

// planeAlpha is an alpha value of a window: high has the upper 4 bits.
func planeAlpha(e *engine, win int, high, low uint32) [3]uint8 {
	var out [3]uint8
	lows := rgb(low)
	for c := range out {
		v := lows[c]
		if win > 0 {
			v = uint8(high>>(4*(2-c))&0xf)<<4 | v&0xf
		}
		if e.BlendCon&blend8Bit == 0 {
			v = v&0xf0 | v>>4
		}
		out[c] = v
	}
	return out
}

// newBlending decodes what is in force for window win.
func newBlending(e *engine, win, mode int) blending {
	w := &e.Windows[win]
	b := blending{base: win == 0}
	alpha0 := planeAlpha(e, win, w.OSDC>>12, w.Alpha0)
	alpha1 := planeAlpha(e, win, w.OSDC, w.Alpha1)
	b.alpha0 = alpha0
	hasValues := mode == modeA888 || mode == modeA444 || mode <= mode8 && paletteChannels(win, e.PalCon[0], e.PalCon[1], true).a == 8
	perPixel := w.Con&winBlendPix != 0
	b.values = perPixel && w.Con&winAlphaSel != 0 && hasValues && w.Map&mapEnable == 0
	for c := range b.alpha {
		for v := range b.alpha[c] {
			a := alpha0[c]
			switch {
			case b.values:
				a = uint8(v)
				if e.BlendCon&blend8Bit == 0 {
					a = a&0xf | a<<4
				}
				if w.Con&winAlphaMul != 0 && win > 0 {
					a = uint8(div255(uint32(a) * uint32(alpha0[c])))
				}
			case perPixel && v != 0, !perPixel && w.Con&winAlphaSel != 0:
				a = alpha1[c]
			}
			b.alpha[c][v] = a
		}
	}
	b.grey = b.alpha[0] == b.alpha[1] && b.alpha[1] == b.alpha[2] && alpha0[0] == alpha0[1] && alpha0[1] == alpha0[2]
	f := func(lo uint) factor { return factor(w.BlendEq >> lo & 0xf) }
	b.a, b.b, b.p, b.q = f(0), f(6), f(12), f(18)
	for _, f := range [...]factor{b.a, b.b, b.p, b.q} {
		b.usesAlpha = b.usesAlpha || f == fAlphaB || f == fInvAlphaB
	}
	b.key = w.Key&keyEnable != 0 && win > 0
	b.keyBelow = w.Key&keyDirection != 0
	b.keyBlend = w.Key&keyBlend != 0
	b.keyMask = swapRB(^w.Key & color24)
	b.keyColor = swapRB(w.KeyColor) & b.keyMask
	b.keyAlpha = rgb(w.KeyAlpha)
	return b
}

// opaque tells that the layer hides what is below, whatever its pixels are.
func (b *blending) opaque() bool {
	if b.base {
		return true
	}
	if b.key || b.values || !b.grey || b.b != fInvAlphaA || b.alpha[0][0] != 255 || b.alpha[0][1] != 255 {
		return false
	}
	return b.a == fOne || b.a == fAlphaA || b.a == fAlpha0 && b.alpha0[0] == 255
}

// over tells that the equation is a·A + (1-alphaA)·B with the same a for all colours.
func (b *blending) over() bool {
	return !b.key && b.grey && b.b == fInvAlphaA && (b.a == fOne || b.a == fAlphaA || b.a == fAlpha0)
}

// either tells that every pixel is the layer's or what is below, as the key decides.
func (b *blending) either() bool { return b.key && !b.keyBlend && !b.base }

// choose puts those pixels of such a layer that show over those in below.
func (b *blending) choose(below, pixels []uint32) {
	below = below[:len(pixels)]
	for i, px := range pixels {
		if b.shows(px, below[i]) {
			below[i] = px | black
		}
	}
}

// matches tells whether the key matches a pixel, or the one below if it is about that.
func (b *blending) matches(px, below uint32) bool {
	if b.keyBelow {
		px = below
	}
	return px&b.keyMask == b.keyColor
}

// shows tells whether a pixel shows, without blending.
func (b *blending) shows(px, below uint32) bool { return b.matches(px, below) == b.keyBelow }

// Two channels at a time: red and blue, or green, in lanes of 16 bits.
const (
	lanes     = 0x00ff00ff
	laneHalf  = 0x00800080
	laneCarry = 0x01000100
)

// lanes255 is div255 of both lanes, which are at most 255*255.
func lanes255(v uint32) uint32 {
	v += laneHalf
	return (v + v>>8&lanes) >> 8 & lanes
}

// lanesAdd adds lanes of at most 255, up to 255.
func lanesAdd(a, b uint32) uint32 {
	sum := a + b
	carry := sum & laneCarry
	return (sum | (carry - carry>>8)) & lanes
}

// blendOver puts pixels of such a layer over those in below.
func (b *blending) blendOver(below, pixels []uint32) {
	switch b.a {
	case fOne:
		b.blendPremultiplied(below, pixels)
	case fAlphaA:
		b.blendStraight(below, pixels)
	default:
		b.blendScaled(below, pixels)
	}
}

// blendPremultiplied is blendOver for A + (1-alphaA)·B: A needs no rounding.
func (b *blending) blendPremultiplied(below, pixels []uint32) {
	below = below[:len(pixels)]
	for i, px := range pixels {
		inv := 255 - uint32(b.alpha[0][px>>24])
		if inv == 0 {
			below[i] = px | black
			continue
		}
		bg := below[i]
		rb := lanesAdd(px&lanes, lanes255(bg&lanes*inv))
		g := lanesAdd(px>>8&0xff, lanes255(bg>>8&0xff*inv)&0xff)
		below[i] = rb | g<<8 | black
	}
}

// blendStraight is blendOver for alphaA·A + (1-alphaA)·B.
func (b *blending) blendStraight(below, pixels []uint32) {
	below = below[:len(pixels)]
	for i, px := range pixels {
		alpha := uint32(b.alpha[0][px>>24])
		switch alpha {
		case 0:
		case 255:
			below[i] = px | black
		default:
			bg, inv := below[i], 255-alpha
			rb := lanes255(px&lanes*alpha + bg&lanes*inv)
			g := lanes255(px>>8&0xff*alpha+bg>>8&0xff*inv) & 0xff
			below[i] = rb | g<<8 | black
		}
	}
}

// blendScaled is blendOver for ALPHA0·A + (1-alphaA)·B, whose sum may be too big.
func (b *blending) blendScaled(below, pixels []uint32) {
	below = below[:len(pixels)]
	a := uint32(b.alpha0[0])
	for i, px := range pixels {
		bg, inv := below[i], 255-uint32(b.alpha[0][px>>24])
		r := min(div255(px&0xff*a+bg&0xff*inv), 255)
		g := min(div255(px>>8&0xff*a+bg>>8&0xff*inv), 255)
		bl := min(div255(px>>16&0xff*a+bg>>16&0xff*inv), 255)
		below[i] = r | g<<8 | bl<<16 | black
	}
}

// blendAny puts pixels of any layer over those in below, whose alphas are in alphas,
// red in the low byte.
func (b *blending) blendAny(below, alphas, pixels []uint32) {
	for i, px := range pixels {
		bg, bgAlpha := below[i], alphas[i]
		if b.base {
			below[i] = px | black
			alphas[i] = uint32(b.alpha[0][px>>24]) | uint32(b.alpha[1][px>>24])<<8 | uint32(b.alpha[2][px>>24])<<16
			continue
		}
		if b.either() && !b.shows(px, bg) {
			continue
		}
		match := b.key && b.matches(px, bg)
		var color, alpha uint32
		for c := range uint(3) {
			v := values{
				colorA: px >> (8 * c) & 0xff, colorB: bg >> (8 * c) & 0xff,
				alphaA: uint32(b.alpha[c][px>>24]), alphaB: bgAlpha >> (8 * c) & 0xff, alpha0: uint32(b.alpha0[c]),
			}
			fa, fb := b.a, b.b
			switch {
			case b.either():
				v.alphaA, fa, fb = 255, fOne, fZero
			case match:
				v.alphaA = uint32(b.keyAlpha[c])
			}
			color |= min(div255(v.colorA*v.of(fa)+v.colorB*v.of(fb)), 255) << (8 * c)
			alpha |= min(div255(v.alphaA*v.of(b.p)+v.alphaB*v.of(b.q)), 255) << (8 * c)
		}
		below[i], alphas[i] = color|black, alpha
	}
}

// values are what factors are made of, for one colour.
type values struct{ colorA, colorB, alphaA, alphaB, alpha0 uint32 }

func (v *values) of(f factor) uint32 {
	switch f {
	case fOne:
		return 255
	case fAlphaA:
		return v.alphaA
	case fInvAlphaA:
		return 255 - v.alphaA
	case fAlphaB:
		return v.alphaB
	case fInvAlphaB:
		return 255 - v.alphaB
	case fAlpha0:
		return v.alpha0
	case fColorA:
		return v.colorA
	case fInvColorA:
		return 255 - v.colorA
	case fColorB:
		return v.colorB
	case fInvColorB:
		return 255 - v.colorB
	}
	return 0
}
