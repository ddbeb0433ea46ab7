// SPDX-License-Identifier: Apache-2.0

package g2d

// Repeat modes (libdrm, e_g2d_repeat_mode).
const (
	repeatNormal = iota
	repeatPad
	repeatReflect
	repeatClamp
	repeatNone
	numRepeats
)

// Scaling modes (libdrm, e_g2d_scale_mode; the last is set by Samsung's Android
// driver together with the repeat modes pad and clamp).
const (
	scaleNone = iota
	scaleNearest
	scaleBilinear
	scaleBilinearClamped
)

// axis maps walking positions in the destination to positions on one axis of an
// image.
type axis struct {
	start, n int    // first position and how many there are
	reverse  bool   // walked from the far end
	step     uint64 // 16.16
	scale    uint8
	repeat   uint8
}

// outside is the position of what the repeat mode puts around an image.
const outside = -1

// fold brings a walking position into the image, or says that it is outside.
func (a *axis) fold(p uint64) int {
	n := uint64(a.n)
	if p >= n {
		switch a.repeat {
		case repeatNormal:
			p %= n
		case repeatReflect:
			if p %= 2 * n; p >= n {
				p = 2*n - 1 - p
			}
		case repeatClamp:
			p = n - 1
		default:
			return outside
		}
	}
	if a.reverse {
		return a.start + a.n - 1 - int(p)
	}
	return a.start + int(p)
}

// at gives the positions that make pixel i, and the weight of the second in 256ths;
// with weight 0 there is no second.
func (a *axis) at(i int) (first, second int, weight uint32) {
	if a.scale == scaleNone {
		return a.fold(uint64(i)), 0, 0
	}
	p := uint64(i) * a.step
	whole := p >> 16
	first = a.fold(whole)
	if a.scale == scaleNearest {
		return first, 0, 0
	}
	weight = uint32(p >> 8 & 0xff)
	if weight == 0 {
		return first, 0, 0
	}
	if a.scale == scaleBilinearClamped && whole == uint64(a.n-1) {
		return first, first, weight
	}
	return first, a.fold(whole + 1), weight
}

// sampler reads an image in step with the destination.
type sampler struct {
	img      surface
	along    axis // the image's axis that a destination row follows
	across   axis
	rotate   bool
	border   uint32
	oneToOne bool // along, from lo up: no need to look at the tables

	// What each pixel of a row needs, relative to lo, or outside. Made once for a job.
	first, second []int32
	weight        []uint8
	lo, n         int // the part of the along axis that is read

	lines [2][]uint32
}

// place sets the geometry: which part of the image, walked how.
func (s *sampler) place(r rect, rotate, xneg, yneg bool, scale, repeat uint8, xs, ys uint32, pad uint32) {
	x := axis{r.x0, r.w(), xneg != rotate, uint64(xs), scale, repeat}
	y := axis{r.y0, r.h(), yneg, uint64(ys), scale, repeat}
	s.rotate, s.along, s.across = rotate, x, y
	if rotate {
		s.along, s.across = y, x
	}
	s.border = 0
	if repeat == repeatPad {
		s.border = pad
	}
}

// prepare makes the tables for pixels i0 to i1 of each row.
func (s *sampler) prepare(i0, i1 int) {
	s.first, s.second, s.weight = s.first[:0], s.second[:0], s.weight[:0]
	lo, hi := int(^uint(0)>>1), outside
	s.oneToOne = true
	for i := i0; i < i1; i++ {
		a, b, w := s.along.at(i)
		s.first, s.second, s.weight = append(s.first, int32(a)), append(s.second, int32(b)), append(s.weight, uint8(w))
		s.oneToOne = s.oneToOne && a != outside && w == 0 && a == int(s.first[0])+i-i0
		if a != outside {
			lo, hi = min(lo, a), max(hi, a)
		}
		if w != 0 && b != outside {
			lo, hi = min(lo, b), max(hi, b)
		}
	}
	s.lo, s.n = lo, hi+1-lo
	if hi == outside {
		s.lo, s.n = 0, 0
	}
	for i := range s.first {
		if s.first[i] != outside {
			s.first[i] -= int32(s.lo)
		}
		if s.second[i] != outside && s.weight[i] != 0 {
			s.second[i] -= int32(s.lo)
		}
	}
	for i := range s.lines {
		if cap(s.lines[i]) < s.n {
			s.lines[i] = make([]uint32, s.n, maxSide)
		}
		s.lines[i] = s.lines[i][:s.n]
	}
}

// work is how many pixels are read for a row.
func (s *sampler) work() int {
	if s.across.scale >= scaleBilinear {
		return 2 * s.n
	}
	return s.n
}

// line reads one line of the image, or makes one of border pixels.
func (d *G2D) line(s *sampler, pos int, out []uint32) error {
	if pos == outside {
		for i := range out {
			out[i] = s.border
		}
		return nil
	}
	if s.rotate {
		return d.column(&s.img, pos, s.lo, out)
	}
	return d.span(&s.img, s.lo, pos, out)
}

// sample fills out with the prepared pixels of destination row j.
func (d *G2D) sample(s *sampler, j int, out []uint32) error {
	a, b, weight := s.across.at(j)
	if s.oneToOne && weight == 0 {
		return d.line(s, a, out)
	}
	if err := d.line(s, a, s.lines[0]); err != nil {
		return err
	}
	s.pick(s.lines[0], out)
	if weight == 0 {
		s.mix(s.lines[0], s.lines[0], 0, out)
		return nil
	}
	if err := d.line(s, b, s.lines[1]); err != nil {
		return err
	}
	s.mix(s.lines[0], s.lines[1], weight, out)
	return nil
}

// pick fills out with the nearest pixels.
func (s *sampler) pick(line, out []uint32) {
	for i := range out {
		if k := s.first[i]; k >= 0 {
			out[i] = line[k]
		} else {
			out[i] = s.border
		}
	}
}

func (s *sampler) pixel(line []uint32, k int32) uint32 {
	if k >= 0 {
		return line[k]
	}
	return s.border
}

// mix interpolates where there is something to interpolate; out holds the nearest
// pixels already.
func (s *sampler) mix(top, bottom []uint32, fy uint32, out []uint32) {
	for i := range out {
		fx := uint32(s.weight[i])
		if fx == 0 && fy == 0 {
			continue
		}
		k0, k1 := s.first[i], s.first[i]
		if fx != 0 {
			k1 = s.second[i]
		}
		c00, c10 := s.pixel(top, k0), s.pixel(top, k1)
		c01, c11 := s.pixel(bottom, k0), s.pixel(bottom, k1)
		w00, w10, w01, w11 := (256-fx)*(256-fy), fx*(256-fy), (256-fx)*fy, fx*fy
		var v uint32
		for sh := 0; sh < 32; sh += 8 {
			v |= (c00>>sh&0xff*w00 + c10>>sh&0xff*w10 + c01>>sh&0xff*w01 + c11>>sh&0xff*w11 + 1<<15) >> 16 << sh
		}
		out[i] = v
	}
}
