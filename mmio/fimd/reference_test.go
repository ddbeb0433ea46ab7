// SPDX-License-Identifier: Apache-2.0

package fimd

import (
	"fmt"
	"image"
	"image/color"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"vdev/mmio"
	"vdev/mmio/mmiotest"
)

// The picture once more, pixel by pixel and bit by bit from what the registers read, as
// the package comment defines it, without regard to speed.

// refPixel has colours and alphas from 0 to 255, for red, green and blue.
type refPixel struct{ color, alpha [3]float64 }

// refFormats are the channels of BPPMODE, from the most significant bit down. I is the
// lowest bit of all colours.
var refFormats = [16]string{4: "A1R2G3B2", 5: "R5G6B5", 6: "A1R5G5B5", 7: "I1R5G5B5", 8: "R6G6B6", 9: "A1R6G6B5", 10: "A1R6G6B6",
	11: "R8G8B8", 12: "A1R8G8B7", 13: "A1R8G8B8", 14: "A1R4G4B4", 15: "R5G5B5"}

var refDistance = [16]int{1, 2, 4, 8, 8, 16, 16, 16, 32, 32, 32, 32, 32, 32, 16, 16}

func bit(v uint64, n int) bool { return v>>n&1 != 0 }

func field(v uint64, hi, lo int) int { return int(v >> lo & (1<<(hi-lo+1) - 1)) }

// refUnpack takes a pixel apart by a format such as "A1R5G5B5", by its bits in writing.
func refUnpack(v uint32, format string) map[byte]string {
	bits := fmt.Sprintf("%032b", v)
	got := map[byte]string{}
	for i := len(format) - 2; i >= 0; i -= 2 {
		n := int(format[i+1] - '0')
		got[format[i]] = bits[len(bits)-n:]
		bits = bits[:len(bits)-n]
	}
	return got
}

// refWiden repeats bits until there are 8.
func refWiden(bits string) float64 {
	v, _ := strconv.ParseUint(strings.Repeat(bits, 8)[:8], 2, 8)
	return float64(v)
}

// reference is what the panel shows.
type reference struct {
	b   *mmiotest.Bench
	mem []byte
}

// word is 64 bits of memory after the swaps, most significant bit first.
func (r *reference) word(con, addr uint64) []byte {
	var bits []byte
	for i := 7; i >= 0; i-- {
		bits = append(bits, fmt.Sprintf("%08b", r.mem[addr+uint64(i)-uint64(mmiotest.MemoryBase)])...)
	}
	for _, s := range []struct{ flag, size int }{{15, 32}, {16, 16}, {17, 8}, {18, 1}} {
		if !bit(con, s.flag) {
			continue
		}
		var swapped []byte
		for i := 64 - s.size; i >= 0; i -= s.size {
			swapped = append(swapped, bits[i:i+s.size]...)
		}
		bits = swapped
	}
	return bits
}

// raw is a pixel as memory holds it.
func (r *reference) raw(win, col, row int, con uint64) uint32 {
	size := r.b.ReadAt("VIDW_BUF_SIZE", win)
	pitch := field(size, 12, 0) + field(size, 26, 26)<<13 + field(size, 25, 13) + field(size, 27, 27)<<13
	start := r.b.ReadAt("VIDW_BUF_START", win)
	if bit(con, 20) {
		start = r.b.ReadAt("VIDW_BUF_START1", win)
	} else if bit(con, 30) && bit(con, 14) {
		start = r.b.ReadAt("VIDW_BUF_START2", win)
	}
	n := refDistance[field(con, 5, 2)]
	perWord := 64 / n
	bits := r.word(con, start+uint64(row*pitch)+uint64(col/perWord*8))
	v, _ := strconv.ParseUint(string(bits[col%perWord*n:][:n]), 2, 32)
	return uint32(v)
}

// paletteFormat is that of a window's palette.
func (r *reference) paletteFormat(win int) string {
	low, high := r.b.Read("WPALCON_L"), r.b.Read("WPALCON_H")
	switch win {
	case 0:
		return []string{"A1R8G8B8", "R8G8B8", "A1R6G6B6", "A1R6G6B5", "R6G6B6", "A1R5G5B5", "R5G6B5", "A8R8G8B8"}[field(low, 2, 0)]
	case 1:
		return []string{"A1R8G8B8", "R8G8B8", "A1R6G6B6", "A1R6G6B5", "R6G6B6", "A1R5G5B5", "R5G6B5", "A8R8G8B8"}[field(low, 5, 3)]
	}
	n := []int{field(high, 10, 9)<<1 + field(low, 6, 6), field(high, 14, 13)<<1 + field(low, 7, 7), field(high, 18, 17)<<1 + field(low, 8, 8)}[win-2]
	return []string{"R5G6B5", "A1R5G5B5", "R6G6B6", "A1R6G6B5", "A1R6G6B6", "R8G8B8", "A1R8G8B8", "A8R8G8B8"}[n]
}

// window is what a window has at a place of its own.
func (r *reference) window(win, col, row int) refPixel {
	con, mapped := r.b.ReadAt("WINCON", win), r.b.ReadAt("WINMAP", win)
	mode := field(con, 5, 2)
	perPixel := bit(con, 6)
	valuesWanted := perPixel && bit(con, 1)
	var channels map[byte]string
	values := false
	if bit(mapped, 24) {
		channels = refUnpack(uint32(mapped), "R8G8B8")
	} else {
		format, v := refFormats[mode], r.raw(win, col, row, con)
		if mode < 4 {
			format, v = r.paletteFormat(win), uint32(r.b.ReadAt("PALETTE", win*256+int(v)))
		}
		switch {
		case mode == 13 && valuesWanted:
			format = "A8R8G8B8"
		case mode == 14 && valuesWanted:
			format = "A4R4G4B4"
		case mode < 4 && format[:2] == "A8" && !valuesWanted:
			format = "A1R8G8B8"
		}
		channels = refUnpack(v, format)
		values = len(channels['A']) > 1
		if bit(r.b.ReadAt("WIN_RGB_ORDER", win), 11) {
			channels['R'], channels['B'] = channels['B'], channels['R']
		}
	}
	var p refPixel
	for c, name := range []byte("RGB") {
		p.color[c] = refWiden(channels[name] + channels['I'])
		alpha0, alpha1 := r.planeAlpha(win, 0, c), r.planeAlpha(win, 1, c)
		switch {
		case values:
			p.alpha[c] = refWiden(channels['A'])
			if !bit(r.b.Read("BLENDCON"), 0) {
				v := channels['A']
				p.alpha[c] = refWiden(v[len(v)-4:])
			}
			if bit(con, 7) && win > 0 {
				p.alpha[c] = math.Round(p.alpha[c] * alpha0 / 255)
			}
		case perPixel && channels['A'] == "1", !perPixel && bit(con, 1):
			p.alpha[c] = alpha1
		default:
			p.alpha[c] = alpha0
		}
	}
	return p
}

// planeAlpha is ALPHA0 or ALPHA1 of a window.
func (r *reference) planeAlpha(win, n, c int) float64 {
	low := r.b.ReadAt(fmt.Sprint("VIDW_ALPHA", n), win) >> (8 * (2 - c)) & 0xff
	if win > 0 {
		high := r.b.ReadAt("VIDOSD_C", win) >> (12*(1-n) + 4*(2-c)) & 0xf
		low = high*16 + low%16
	}
	if !bit(r.b.Read("BLENDCON"), 0) {
		low = low / 16 * 17
	}
	return float64(low)
}

// blend puts a window's pixel over what is below.
func (r *reference) blend(win int, a, b refPixel) refPixel {
	key := r.b.ReadAt("WKEYCON0", win-1)
	match := false
	if bit(key, 25) {
		match = true
		subject := a
		if bit(key, 24) {
			subject = b
		}
		for c := range 3 {
			mask := ^uint64(field(key, 8*(2-c)+7, 8*(2-c))) & 0xff
			match = match && uint64(subject.color[c])&mask == r.b.ReadAt("WKEYCON1", win-1)>>(8*(2-c))&mask
		}
		if !bit(key, 26) {
			if match != bit(key, 24) {
				return b
			}
			a.alpha = [3]float64{255, 255, 255}
		} else if match {
			for c := range 3 {
				a.alpha[c] = float64(r.b.ReadAt("WKEYALPHA", win-1) >> (8 * (2 - c)) & 0xff)
			}
		}
	}
	eq := r.b.ReadAt("BLENDEQ", win-1)
	var out refPixel
	for c := range 3 {
		of := func(code int) float64 {
			switch code {
			case 1:
				return 1
			case 2:
				return a.alpha[c] / 255
			case 3:
				return 1 - a.alpha[c]/255
			case 4:
				return b.alpha[c] / 255
			case 5:
				return 1 - b.alpha[c]/255
			case 6:
				return r.planeAlpha(win, 0, c) / 255
			case 10:
				return a.color[c] / 255
			case 11:
				return 1 - a.color[c]/255
			case 12:
				return b.color[c] / 255
			case 13:
				return 1 - b.color[c]/255
			}
			return 0
		}
		limit := func(v float64) float64 { return min(math.Round(v), 255) }
		out.color[c] = limit(a.color[c]*of(field(eq, 3, 0)) + b.color[c]*of(field(eq, 9, 6)))
		if bit(key, 25) && !bit(key, 26) {
			out.color[c] = a.color[c]
		}
		out.alpha[c] = limit(a.alpha[c]*of(field(eq, 15, 12)) + b.alpha[c]*of(field(eq, 21, 18)))
	}
	return out
}

// at is a pixel of the panel.
func (r *reference) at(x, y int) color.RGBA {
	var p refPixel
	for win := range 5 {
		if !bit(r.b.ReadAt("WINCON", win), 0) || !bit(r.b.Read("SHADOWCON"), win) {
			continue
		}
		place := func(v uint64) (x, y int) {
			return field(v, 21, 11) + field(v, 23, 23)<<11, field(v, 10, 0) + field(v, 22, 22)<<11
		}
		left, top := place(r.b.ReadAt("VIDOSD_A", win))
		right, bottom := place(r.b.ReadAt("VIDOSD_B", win))
		if x < left || x > right || y < top || y > bottom {
			continue
		}
		own := r.window(win, x-left, y-top)
		if win == 0 {
			p = own
		} else {
			p = r.blend(win, own, p)
		}
	}
	return color.RGBA{uint8(p.color[0]), uint8(p.color[1]), uint8(p.color[2]), 255}
}

// pick is a random choice.
func pick[T any](rng *rand.Rand, of ...T) T { return of[rng.IntN(len(of))] }

const (
	refW, refH = 24, 7
)

// randomWindows fills all registers that make the picture.
func randomWindows(b *mmiotest.Bench, rng *rand.Rand) {
	b.Write("BLENDCON", rng.Uint64()&1)
	b.Write("WPALCON_L", rng.Uint64()&0x1ff)
	b.Write("WPALCON_H", rng.Uint64()&0x66600)
	b.Write("SHADOWCON", pick(rng, 0x1f, 0x1f, 0x1f, rng.Uint64()&0x1f))
	plain := rng.IntN(2) == 0 // only what the driver does, which has shortcuts
	codes := []uint64{0, 1, 2, 3, 4, 5, 6, 10, 11, 12, 13}
	if plain {
		codes = []uint64{1, 2, 3, 6}
	}
	for win := range numWindows {
		grey := func() uint64 {
			v := pick(rng, uint64(0), 0xff, 0xff, 0xfe, 0xf, 0xf0, rng.Uint64()&0xff)
			if plain || rng.IntN(2) == 0 {
				return v * 0x10101
			}
			return rng.Uint64() & 0xffffff
		}
		mode := pick(rng, uint64(mode888), modeA888, rng.Uint64()%numModes, rng.Uint64()%numModes)
		swap := pick(rng, uint64(winWordSwap), winHalfSwap, winByteSwap, rng.Uint64()&(0xf<<15), 0)
		con := mode<<winModeLo | swap | rng.Uint64()&(winAlphaSel|winBlendPix|winAlphaMul|winBufSel0|winBufSel1|winTriple)
		if rng.IntN(5) != 0 {
			con |= winEnable
		}
		b.WriteAt("WINCON", win, con)
		x, y := pick(rng, 0, rng.IntN(refW)), pick(rng, 0, rng.IntN(refH))
		w, h := pick(rng, refW, 1+rng.IntN(refW+8)), pick(rng, refH, 1+rng.IntN(refH+3))
		b.WriteAt("VIDOSD_A", win, uint64(x)<<11|uint64(y))
		b.WriteAt("VIDOSD_B", win, uint64(x+w-1)<<11|uint64(y+h-1))
		line := (w*modeBits(int(mode)) + 7) / 8
		b.WriteAt("VIDW_BUF_SIZE", win, uint64(line)|pick(rng, 0, rng.Uint64()%100)<<13)
		for _, name := range []string{"VIDW_BUF_START", "VIDW_BUF_START1", "VIDW_BUF_START2"} {
			b.WriteAt(name, win, uint64(mmiotest.MemoryBase)+rng.Uint64()%1000)
		}
		b.WriteAt("WIN_RGB_ORDER", win, pick[uint64](rng, 0, orderReverse))
		b.WriteAt("WINMAP", win, pick[uint64](rng, 0, 0, 0, mapEnable)|rng.Uint64()&0xffffff)
		b.WriteAt("VIDOSD_C", win, grey())
		b.WriteAt("VIDW_ALPHA0", win, grey())
		b.WriteAt("VIDW_ALPHA1", win, grey())
		if win == 0 {
			continue
		}
		key := pick(rng, 0, uint64(keyEnable)|rng.Uint64()&(keyBlend|keyDirection))
		if plain && rng.IntN(4) != 0 {
			key = 0
		}
		b.WriteAt("WKEYCON0", win-1, key|0xffffff&^(3<<rng.IntN(23)))
		b.WriteAt("WKEYCON1", win-1, rng.Uint64()&0xffffff)
		b.WriteAt("WKEYALPHA", win-1, rng.Uint64()&0xffffff)
		eq := pick(rng, codes...) | pick(rng, codes...)<<6
		if plain || rng.IntN(2) == 0 {
			eq = pick(rng, 1, 2, 6, eq&0xf) | uint64(fInvAlphaA)<<6
		}
		b.WriteAt("BLENDEQ", win-1, eq|pick(rng, codes...)<<12|pick(rng, codes...)<<18)
	}
}

// The picture is what the reference makes of the same registers and memory.
func TestReference(t *testing.T) {
	for seed := range uint64(150) {
		checkPicture(t, seed)
	}
}

func FuzzReference(f *testing.F) {
	f.Add(uint64(0))
	f.Fuzz(func(t *testing.T, seed uint64) { checkPicture(t, seed) })
}

func checkPicture(t *testing.T, seed uint64) {
	t.Helper()
	rng := rand.New(rand.NewPCG(seed, 1))
	env, d, b := fixture(t)
	for i := range 4096 {
		env.Memory.Bytes[i] = byte(rng.Uint32())
	}
	for i := range numWindows * paletteSize {
		b.WriteAt("PALETTE", i, rng.Uint64()&0xffffffff)
	}
	randomWindows(b, rng)
	m := testMode()
	m.w, m.h = refW-int(seed%3), refH
	setMode(b, m)
	got := d.Screenshot()
	r := reference{b, env.Memory.Bytes}
	for y := range refH {
		for x := range m.w {
			if g, want := got.RGBAAt(x, y), r.at(x, y); g != want {
				t.Fatalf("seed %d, pixel %d, %d is %v, want %v", seed, x, y, g, want)
			}
		}
	}
	if n := env.Events.Count(mmio.EventBadDMA, ""); n != 0 || got.Rect != image.Rect(0, 0, m.w, refH) {
		t.Fatalf("seed %d: picture of %v, events %v", seed, got.Rect, env.Events.List)
	}
}
