// SPDX-License-Identifier: Apache-2.0

package g2d

import (
	"math"

	"vdev/mmio/mmiotest"
)

// The reference does one pixel at a time, straight from the package comment, with no
// thought of speed. A pixel is four ints: alpha, red, green, blue.

type px [4]int

type reference struct {
	mem []byte
	reg func(name string) int
}

func (r *reference) flag(name string, bit int) bool { return r.reg(name)>>bit&1 == 1 }
func (r *reference) field(name string, hi, lo int) int {
	return r.reg(name) >> lo & (1<<(hi-lo+1) - 1)
}
func (r *reference) x(name string) int { return r.field(name, 12, 0) }
func (r *reference) y(name string) int { return r.field(name, 28, 16) }

// stride is signed.
func (r *reference) stride(name string) int {
	v := r.reg(name)
	if v >= 0x8000 {
		v -= 0x10000
	}
	return v
}

func (r *reference) bytes(addr, n int) []byte {
	return r.mem[addr-int(mmiotest.MemoryBase):][:n]
}

func argb(v int) px { return px{v >> 24 & 255, v >> 16 & 255, v >> 8 & 255, v & 255} }

func widen(v, width int) int {
	out, have := 0, 0
	for have < 8 { // repeat the bits, then cut off what is too much
		out, have = out<<width|v, have+width
	}
	return out >> (have - 8)
}

type refChannel struct{ index, width int } // index into px

// refLayout lists channels from the most significant bit down, and the pixel's bytes.
func refLayout(code, order int) ([]refChannel, int, bool) {
	width := [][4]int{{8, 8, 8, 8}, {8, 8, 8, 8}, {0, 5, 6, 5}, {1, 5, 5, 5}, {1, 5, 5, 5}, {4, 4, 4, 4}, {4, 4, 4, 4}, {0, 8, 8, 8}}[code]
	perm := [][]int{{0, 1, 2, 3}, {1, 2, 3, 0}, {0, 3, 2, 1}, {3, 2, 1, 0}}[order]
	var l []refChannel
	bits := 0
	for _, c := range perm {
		l = append(l, refChannel{c, width[c]})
		bits += width[c]
	}
	return l, bits / 8, code == 1 || code == 4 || code == 6
}

func (r *reference) load(mode, ext, base, plane2, stride, x, y int) px {
	code := mode & 15
	row := base + y*stride
	switch code {
	case 11:
		p := argb(ext)
		p[0] = int(r.bytes(row+x, 1)[0])
		return p
	case 12:
		v := int(r.bytes(row+x, 1)[0])
		return px{255, v, v, v}
	case 8, 9, 10:
		return r.loadYCbCr(mode, row, plane2, stride, x, y)
	}
	layout, n, alpha := refLayout(code, mode>>4&3)
	v := 0
	for i, b := range r.bytes(row+x*n, n) {
		v |= int(b) << (8 * i)
	}
	p, at := px{255}, 8*n
	for _, c := range layout {
		at -= c.width
		if c.width != 0 && (c.index != 0 || alpha) {
			p[c.index] = widen(v>>at&(1<<c.width-1), c.width)
		}
	}
	return p
}

func (r *reference) loadYCbCr(mode, row, plane2, stride, x, y int) px {
	var l, cb, cr int
	order := mode >> 12 & 3
	if mode>>8&3 == 0 {
		names := []string{"y0 cb y1 cr", "y0 cr y1 cb", "cb y0 cr y1", "cr y0 cb y1"}[order]
		for i, b := range r.bytes(row+x/2*4, 4) {
			switch names[3*i : 3*i+2] {
			case "cb":
				cb = int(b)
			case "cr":
				cr = int(b)
			case []string{"y0", "y1"}[x%2]:
				l = int(b)
			}
		}
	} else {
		l = int(r.bytes(row+x, 1)[0])
		cx, cy := x/2, y
		switch mode & 15 {
		case 8:
			cx, stride = x, stride*2
		case 10:
			cy = y / 2
		}
		c := r.bytes(plane2+cy*stride+cx*2, 2)
		cb, cr = int(c[order]), int(c[1-order])
	}
	m := map[int][6]int{0: {16, 76309, 104597, 25675, 53279, 132201}, 1: {16, 76309, 117489, 13975, 34925, 138438},
		2: {0, 65536, 91881, 22554, 46802, 116130}, 3: {0, 65536, 103206, 12276, 30679, 121609}}[mode>>16&3]
	cb, cr, l = cb-128, cr-128, (l-m[0])*m[1]
	p := px{255, l + m[2]*cr, l - m[3]*cb - m[4]*cr, l + m[5]*cb}
	for i := 1; i < 4; i++ {
		p[i] = min(max((p[i]+32768)>>16, 0), 255)
	}
	return p
}

// refShares are the shares of red and blue in luma.
func refShares(mode int) (kr, kb float64) {
	if mode>>16&1 == 1 {
		return 0.2126, 0.0722
	}
	return 0.299, 0.114
}

// toYCbCr is the colour of a pixel.
func toYCbCr(mode int, p px) (y, cb, cr int) {
	kr, kb := refShares(mode)
	offset, luma, chroma := 16, 219.0/255, 224.0/255
	if mode>>17&1 == 1 {
		offset, luma, chroma = 0, 1, 1
	}
	fixed := func(x float64) int { return int(math.Round(x * 65536)) }
	// Red and blue rounded, green is the rest.
	sum := func(r, b, total, offset int) int {
		v := r*p[1] + (total-r-b)*p[2] + b*p[3] + offset*65536
		return min(max((v+32768)>>16, 0), 255)
	}
	return sum(fixed(luma*kr), fixed(luma*kb), fixed(luma), offset),
		sum(fixed(-chroma*kr/2/(1-kb)), fixed(chroma/2), 0, 128),
		sum(fixed(chroma/2), fixed(-chroma*kb/2/(1-kr)), 0, 128)
}

// storeYCbCr writes a pixel's luma, and its chroma if it is the first pixel of the
// sample.
func (r *reference) storeYCbCr(mode, row, plane2, stride, x, y, luma, cb, cr int) {
	order := mode >> 12 & 3
	if mode>>8&3 == 0 {
		names := []string{"y0 cb y1 cr", "y0 cr y1 cb", "cb y0 cr y1", "cr y0 cb y1"}[order]
		for i := range 4 {
			to := r.bytes(row+x/2*4+i, 1)
			switch name := names[3*i : 3*i+2]; {
			case name == []string{"y0", "y1"}[x%2]:
				to[0] = byte(luma)
			case name == "cb" && x%2 == 0:
				to[0] = byte(cb)
			case name == "cr" && x%2 == 0:
				to[0] = byte(cr)
			}
		}
		return
	}
	r.bytes(row+x, 1)[0] = byte(luma)
	at := plane2
	switch code := mode & 15; {
	case code == 8:
		at += y*stride*2 + x*2
	case x%2 == 0 && code == 9:
		at += y*stride + x
	case x%2 == 0 && y%2 == 0:
		at += y/2*stride + x
	default:
		return
	}
	c := r.bytes(at, 2)
	c[order], c[1-order] = byte(cb), byte(cr)
}

func (r *reference) store(x, y int, p px) {
	mode, stride := r.reg("DST_COLOR_MODE"), r.stride("DST_STRIDE")
	code := mode & 15
	row := r.reg("DST_BASE_ADDR") + y*stride
	switch code {
	case 8, 9, 10:
		luma, cb, cr := toYCbCr(mode, p)
		r.storeYCbCr(mode, row, r.reg("DST_PLANE2_BASE_ADDR"), stride, x, y, luma, cb, cr)
		return
	case 11:
		r.bytes(row+x, 1)[0] = byte(p[0])
		return
	case 12:
		r.bytes(row+x, 1)[0] = byte((77*p[1] + 150*p[2] + 29*p[3] + 128) / 256)
		return
	}
	layout, n, alpha := refLayout(code, mode>>4&3)
	v := 0
	for _, c := range layout {
		x := p[c.index]
		if c.index == 0 && !alpha {
			x = 255
		}
		v = v<<c.width | x>>(8-c.width)
	}
	for i := range n {
		r.bytes(row+x*n, n)[i] = byte(v >> (8 * i))
	}
}

// walked is coordinate i from the start, or from the end.
func walked(i, start, end int, reverse bool) int {
	if reverse {
		return end - 1 - i
	}
	return start + i
}

// refSample is the pixel of an image for walking position (i, j). get reads one.
func (r *reference) sample(prefix, dir string, dirBit, rotateBit, i, j int, get func(x, y int) px) px {
	x0, y0, x1, y1 := r.x(prefix+"_LEFT_TOP"), r.y(prefix+"_LEFT_TOP"), r.x(prefix+"_RIGHT_BOTTOM"), r.y(prefix+"_RIGHT_BOTTOM")
	xrev, yrev := r.flag(dir, dirBit), r.flag(dir, dirBit+1)
	if r.flag("ROTATE", rotateBit) {
		i, j, xrev = j, i, !xrev
	}
	mode := r.reg(prefix + "_SCALE_CTRL")
	repeat := r.reg(prefix + "_REPEAT_MODE")
	fold := func(p, n int) (int, bool) {
		if p < n {
			return p, true
		}
		switch repeat {
		case 0:
			return p % n, true
		case 2:
			for p >= 2*n {
				p -= 2 * n
			}
			if p < n {
				return p, true
			}
			return 2*n - 1 - p, true
		case 3:
			return n - 1, true
		}
		return 0, false
	}
	at := func(u, v int) px {
		fu, ok1 := fold(u, x1-x0)
		fv, ok2 := fold(v, y1-y0)
		if !ok1 || !ok2 {
			if repeat == 1 {
				return argb(r.reg(prefix + "_PAD_VALUE"))
			}
			return px{}
		}
		return get(walked(fu, x0, x1, xrev), walked(fv, y0, y1, yrev))
	}
	if mode == 0 {
		return at(i, j)
	}
	pu, pv := i*r.reg(prefix+"_XSCALE"), j*r.reg(prefix+"_YSCALE")
	u, v := pu/65536, pv/65536
	if mode == 1 {
		return at(u, v)
	}
	fu, fv := pu%65536/256, pv%65536/256
	u1, v1 := u+1, v+1
	if mode == 3 && u == x1-x0-1 {
		u1 = u
	}
	if mode == 3 && v == y1-y0-1 {
		v1 = v
	}
	a, b, c, d := at(u, v), at(u1, v), at(u, v1), at(u1, v1)
	var out px
	for k := range out {
		out[k] = (a[k]*(256-fu)*(256-fv) + b[k]*fu*(256-fv) + c[k]*(256-fu)*fv + d[k]*fu*fv + 32768) / 65536
	}
	return out
}

func (r *reference) source(i, j int) px {
	switch r.reg("SRC_SELECT") {
	case 1:
		return argb(r.reg("FG_COLOR"))
	case 2:
		return argb(r.reg("BG_COLOR"))
	}
	return r.sample("SRC", "SRC_MASK_DIRECT", 0, 0, i, j, func(x, y int) px {
		return r.load(r.reg("SRC_COLOR_MODE"), r.reg("SRC_A8_RGB_EXT"), r.reg("SRC_BASE_ADDR"), r.reg("SRC_PLANE2_BASE_ADDR"), r.stride("SRC_STRIDE"), x, y)
	})
}

func (r *reference) mask(i, j int) px {
	return r.sample("MASK", "SRC_MASK_DIRECT", 4, 8, i, j, func(x, y int) px {
		mode, base, stride := r.reg("MASK_MODE"), r.reg("MASK_BASE_ADDR"), r.stride("MASK_STRIDE")
		row := base + y*stride
		same := func(v int) px { return px{v, v, v, v} }
		switch mode & 7 {
		case 0:
			return same(int(r.bytes(row+x/8, 1)[0]) >> (x % 8) & 1 * 255)
		case 1:
			return same(int(r.bytes(row+x/2, 1)[0]) >> (4 * (x % 2)) & 15 * 17)
		case 2:
			return same(int(r.bytes(row+x, 1)[0]))
		}
		p := r.load([]int{2, 4, 6, 1}[mode&7-3]|mode&0x30, 0, base, 0, stride, x, y)
		if mode>>8&3 == 0 {
			return same(p[0])
		}
		return p
	})
}

func (r *reference) pattern(i, j int) px {
	w, h := r.x("PAT_SIZE"), r.y("PAT_SIZE")
	x := walked((i+r.x("PAT_OFFSET"))%w, 0, w, r.flag("DST_PAT_DIRECT", 4))
	y := walked((j+r.y("PAT_OFFSET"))%h, 0, h, r.flag("DST_PAT_DIRECT", 5))
	return r.load(r.reg("PAT_COLOR_MODE"), 0, r.reg("PAT_BASE_ADDR"), 0, r.stride("PAT_STRIDE"), x, y)
}

func near255(v int) int { v += 128; return (v + v/256) / 256 }

func (r *reference) premultiply(p px) px {
	for k := 1; k < 4; k++ {
		a, c := p[0], p[k]
		p[k] = []int{a * c / 256, (a + 1) * c / 256, (a + a/128) * c / 256, near255(a * c)}[r.field("ROUND_MODE", 5, 4)]
	}
	return p
}

func keyed(on bool, ctrl, lo, hi int, p px) bool {
	if !on {
		return true
	}
	pass := true
	for k, bit := range []int{12, 8, 4, 0} {
		if ctrl>>bit&1 == 1 && (p[k] < argb(lo)[k] || p[k] > argb(hi)[k]) {
			pass = false
		}
	}
	return pass == (ctrl>>16&1 == 0)
}

func (r *reference) coefficient(lo int, inverse bool, s, d px, k int) int {
	g := r.reg("ALPHA") & 255
	global := func(a, mode int) int { return []int{a, min(a+g, 255), near255(a * g)}[mode] }
	sa := global(s[0], r.field("BLEND_FUNCTION", lo+5, lo+4))
	da := global(d[0], r.field("BLEND_FUNCTION", lo+7, lo+6))
	ratio := func(n, d int) int {
		if d == 0 {
			return 255
		}
		return min(255, (255*n+d/2)/d)
	}
	color := []int{g, r.reg("ALPHA") >> 24 & 255, r.reg("ALPHA") >> 16 & 255, r.reg("ALPHA") >> 8 & 255}
	c := []int{255, 0, sa, s[k], da, d[k], g, color[k], ratio(255-sa, da), ratio(255-da, sa), ratio(sa, da), ratio(da, sa)}[r.field("BLEND_FUNCTION", lo+3, lo)]
	if inverse {
		return 255 - c
	}
	return c
}

func (r *reference) sum(cs, s, cd, d int) int {
	part := func(c, v int) int {
		return []int{(c + 1) * v / 256, (c + c/128) * v / 256, near255(c * v), 0}[r.field("ROUND_MODE", 1, 0)]
	}
	if r.field("ROUND_MODE", 1, 0) == 3 {
		return min(255, near255(cs*s+cd*d))
	}
	return min(255, part(cs, s)+part(cd, d))
}

func (r *reference) blend(s, d px) px {
	var out px
	for k := range out {
		sa, da := s[0], d[0]
		lighten, darken := r.flag("BLEND_FUNCTION", 20), r.flag("BLEND_FUNCTION", 21)
		switch {
		case lighten && da*s[k] > sa*d[k], darken && da*s[k] < sa*d[k]:
			out[k] = r.sum(255, s[k], 255-sa, d[k])
		case lighten, darken:
			out[k] = r.sum(255-da, s[k], 255, d[k])
		default:
			out[k] = r.sum(r.coefficient(0, r.flag("BLEND_FUNCTION", 16), s, d, k), s[k],
				r.coefficient(8, r.flag("BLEND_FUNCTION", 18), s, d, k), d[k])
		}
	}
	return out
}

func (r *reference) third(sel, i, j int) px {
	switch sel {
	case 1:
		return argb(r.reg("FG_COLOR"))
	case 2:
		return argb(r.reg("BG_COLOR"))
	}
	p := r.pattern(i, j)
	if r.flag("BITBLT_COMMAND", 25) {
		p = r.premultiply(p)
	}
	return p
}

func (r *reference) raster(s, d, m px, i, j int) px {
	rop, sel := r.field("ROP4", 7, 0), r.field("THIRD_OPERAND", 1, 0)
	if r.flag("BITBLT_COMMAND", 0) && m != (px{}) {
		rop, sel = r.field("ROP4", 15, 8), r.field("THIRD_OPERAND", 5, 4)
	}
	t := r.third(sel, i, j)
	var out px
	for k := range out {
		for bit := range 8 {
			n := t[k]>>bit&1*4 + s[k]>>bit&1*2 + d[k]>>bit&1
			out[k] |= rop >> n & 1 << bit
		}
	}
	if !r.flag("BITBLT_COMMAND", 2) {
		out[0] = s[0]
	}
	return out
}

// pixel is the result for walking position (i, j), whose destination pixel is d as
// stored; drawn is false if it is left alone.
func (r *reference) pixel(i, j int, d px) (out px, drawn bool) {
	cmd := func(bit int) bool { return r.flag("BITBLT_COMMAND", bit) }
	s := r.source(i, j)
	switch r.reg("DST_SELECT") {
	case 1:
		d = argb(r.reg("FG_COLOR"))
	case 2:
		d = argb(r.reg("BG_COLOR"))
	}
	bs := argb(r.reg("BS_COLOR"))
	bs[0] = s[0]
	if mode := r.field("BITBLT_COMMAND", 13, 12); s == bs && mode == 1 {
		return px{}, false
	} else if s == bs && mode == 2 {
		s = argb(r.reg("BG_COLOR"))
	}
	if !keyed(cmd(16), r.reg("SRC_COLORKEY_CTRL"), r.reg("SRC_COLORKEY_DR_MIN"), r.reg("SRC_COLORKEY_DR_MAX"), s) ||
		!keyed(cmd(17), r.reg("DST_COLORKEY_CTRL"), r.reg("DST_COLORKEY_DR_MIN"), r.reg("DST_COLORKEY_DR_MAX"), d) {
		return px{}, false
	}
	if cmd(24) {
		s = r.premultiply(s)
	}
	if cmd(26) {
		d = r.premultiply(d)
	}
	var m px
	if cmd(0) || cmd(1) {
		m = r.mask(i, j)
	}
	if cmd(1) {
		for k := range s {
			s[k] = near255(s[k] * m[k])
		}
	}
	s = r.raster(s, d, m, i, j)
	if cmd(20) {
		s = r.blend(s, d)
	}
	if cmd(27) {
		for k := 1; k < 4; k++ {
			if s[0] == 0 {
				s[k] = 0
			} else {
				s[k] = min(255, (255*s[k]+s[0]/2)/s[0])
			}
		}
	}
	return s, true
}

// blit does the whole operation.
func (r *reference) blit() {
	x0, y0, x1, y1 := r.x("DST_LEFT_TOP"), r.y("DST_LEFT_TOP"), r.x("DST_RIGHT_BOTTOM"), r.y("DST_RIGHT_BOTTOM")
	type result struct {
		x int
		p px
	}
	for j := range y1 - y0 {
		y := walked(j, y0, y1, r.flag("DST_PAT_DIRECT", 1))
		var row []result
		for i := range x1 - x0 {
			x := walked(i, x0, x1, r.flag("DST_PAT_DIRECT", 0))
			if r.flag("BITBLT_COMMAND", 28) {
				r.fill(x, y)
				continue
			}
			if r.flag("BITBLT_COMMAND", 8) && (x < r.x("CW_LT") || x >= r.x("CW_RB") || y < r.y("CW_LT") || y >= r.y("CW_RB")) {
				continue
			}
			d := r.load(r.reg("DST_COLOR_MODE"), r.reg("DST_A8_RGB_EXT"), r.reg("DST_BASE_ADDR"), r.reg("DST_PLANE2_BASE_ADDR"), r.stride("DST_STRIDE"), x, y)
			if p, drawn := r.pixel(i, j, d); drawn {
				row = append(row, result{x, p})
			}
		}
		for _, w := range row {
			r.store(w.x, y, w.p)
		}
	}
}

// fill writes one pixel of a solid fill.
func (r *reference) fill(x, y int) {
	mode, v := r.reg("DST_COLOR_MODE"), r.reg("SF_COLOR")
	row := r.reg("DST_BASE_ADDR") + y*r.stride("DST_STRIDE")
	if code := mode & 15; code >= 8 && code <= 10 {
		r.storeYCbCr(mode, row, r.reg("DST_PLANE2_BASE_ADDR"), r.stride("DST_STRIDE"), x, y, v>>16&255, v>>8&255, v&255)
		return
	}
	if mode&15 >= 11 {
		r.bytes(row+x, 1)[0] = byte(v)
		return
	}
	from, n, _ := refLayout(mode&15, 0)
	var parts px
	at := 8 * n
	for _, c := range from {
		at -= c.width
		parts[c.index] = v >> at & (1<<c.width - 1)
	}
	to, _, _ := refLayout(mode&15, mode>>4&3)
	out := 0
	for _, c := range to {
		out = out<<c.width | parts[c.index]
	}
	for i := range n {
		r.bytes(row+x*n, n)[i] = byte(out >> (8 * i))
	}
}
