// SPDX-License-Identifier: Apache-2.0

package fimd

import "vdev/mmio"

// maxSide is the longest side of the picture and of windows in pixels: 12 bits.
const maxSide = 1 << 12

// window is a window's registers in force.
type window struct {
	Con, Start, End, Size, Map, Order uint32
	OSDA, OSDB, OSDC                  uint32
	Key, KeyColor, KeyAlpha, BlendEq  uint32
	Alpha0, Alpha1                    uint32
	Channel                           bool // its channel is enabled
}

// window reads a window's registers.
func (d *FIMD) window(i int) window {
	get := func(reg mmio.RegID) uint32 { return uint32(d.GetAt(reg, i)) }
	w := window{Con: get(regWinCon) &^ winBufStatus, Size: get(regBufSize), Map: get(regWinMap), Order: get(regOrder),
		OSDA: get(regOSDA), OSDB: get(regOSDB), OSDC: get(regOSDC), Alpha0: get(regAlpha0), Alpha1: get(regAlpha1),
		Channel: d.Get(regShadowCon)>>(shadowChannelLo+i)&1 != 0}
	if i > 0 {
		get := func(reg mmio.RegID) uint32 { return uint32(d.GetAt(reg, i-1)) }
		w.Key, w.KeyColor, w.KeyAlpha, w.BlendEq = get(regKeyCon0), get(regKeyCon1), get(regKeyAlpha), get(regBlendEq)
	}
	switch w.buffer() {
	case 0:
		w.Start, w.End = get(regBufStart0), get(regBufEnd0)
	case 1:
		w.Start, w.End = get(regBufStart1), get(regBufEnd1)
	default:
		w.Start = get(regBufStart2)
	}
	return w
}

// buffer is the buffer that the window shows.
func (w *window) buffer() int {
	switch {
	case w.Con&winBufSel0 != 0:
		return 1
	case w.Con&winBufSel1 != 0 && w.Con&winTriple != 0:
		return 2
	}
	return 0
}

// bufStatus is the part of WINCON that tells the buffer being shown.
func (d *FIMD) bufStatus(i int) uint64 {
	return [...]uint64{0, winBufStat0, winBufStat1}[d.e.Windows[i].buffer()]
}

// protected tells whether the registers of a window must not take effect.
func (d *FIMD) protected(i int) bool { return d.Get(regShadowCon)>>(shadowProtectLo+i)&1 != 0 }

// layer is a window, decoded: what of it is on the panel, and how it gets there.
type layer struct {
	x, y, w, h int  // the visible part; w and h are 0 if there is none
	mapped     bool // one colour instead of memory
	color      uint32

	mode     int
	bits     int // from pixel to pixel
	flip     int // XOR of bit numbers in 64-bit words of memory
	channels channels
	reverse  bool   // red and blue exchanged
	direct   bool   // 32 bits whose channels are bytes,
	kept     uint32 // of which these count
	palette

	start uint64
	pitch int // from line to line in bytes
	line  int // bytes of a line that are read

	blending

	raw   []byte           // the visible part's lines, as memory held them
	valid bool             // raw was read since the window took this shape,
	stamp mmio.ChangeStamp // just after this

	// While what has changed since is dirty: the stamp of the last vsync, the number of
	// vsyncs without a change, and of all.
	seen          mmio.ChangeStamp
	quiet, waited int

	decoded bool // this is what is in force
}

// decode works out layer win of what is in force.
func (l *layer) decode(e *engine, win int) {
	w := &e.Windows[win]
	*l = layer{palette: l.palette, raw: l.raw[:0], decoded: true}
	reads := l.place(e, w)
	if l.w == 0 {
		return
	}
	l.reverse = w.Order&orderReverse != 0
	l.blending = newBlending(e, win, l.mode)
	if !reads {
		l.mapped, l.color = true, swapRB(w.Map&color24)
		return
	}
	if l.mode <= mode8 {
		l.channels = paletteChannels(win, e.PalCon[0], e.PalCon[1], l.values)
	} else {
		l.channels = modeChannels(l.mode, l.values)
	}
	l.direct = l.bits == 32 && (l.channels == channels{8, 8, 8, 8} || l.mode == mode888)
	l.kept = color24
	if l.values {
		l.kept = all32
	}
	l.makeColors(e, win)
}

// place works out what a window is on the panel, and where its pixels lie in memory; it
// tells whether there are any.
func (l *layer) place(e *engine, w *window) (reads bool) {
	if !e.On || w.Con&winEnable == 0 || !w.Channel {
		return false
	}
	l.x, l.y = size12(w.OSDA, 11, 23), size12(w.OSDA, 0, 22)
	right, bottom := size12(w.OSDB, 11, 23), size12(w.OSDB, 0, 22)
	l.w = min(right+1, e.Timing.W) - l.x
	l.h = min(bottom+1, e.Timing.H) - l.y
	if l.w <= 0 || l.h <= 0 {
		l.w, l.h = 0, 0
		return false
	}
	l.mode = int(w.Con >> winModeLo & winModeMask)
	if w.Map&mapEnable != 0 {
		return false
	}
	l.bits = modeBits(l.mode)
	// Pixels count from the upper end of a word, swaps reverse that at their width.
	l.flip = 64 - l.bits
	for _, s := range [...]struct {
		bit uint32
		x   int
	}{{winWordSwap, 32}, {winHalfSwap, 48}, {winByteSwap, 56}, {winBitSwap, 63}} {
		if w.Con&s.bit != 0 {
			l.flip ^= s.x
		}
	}
	l.start = uint64(w.Start)
	l.pitch = lineBytes(w.Size) + size14(w.Size, 13, 27)
	l.line = (l.bits*l.w + 7) / 8
	if l.flip != 0 {
		l.line = (l.line + 7) &^ 7
	}
	return true
}

// size14 is a field of 13 bits with bit 13 elsewhere.
func size14(v uint32, lo, high uint) int { return int(v>>lo&0x1fff | v>>high&1<<13) }

// lineBytes is what VIDW_BUF_SIZE says of a line.
func lineBytes(size uint32) int { return size14(size, 0, 26) }

// check reports what makes no sense in a window that has just taken effect.
func (d *FIMD) check(i int) {
	w, l := &d.e.Windows[i], &d.layers[i]
	if !w.Channel || w.Con&winEnable == 0 {
		return
	}
	width := size12(w.OSDB, 11, 23) + 1 - size12(w.OSDA, 11, 23)
	if width <= 0 || size12(w.OSDB, 0, 22) < size12(w.OSDA, 0, 22) {
		d.blame(mmio.EventBadValue, regOSDB, i)
		return
	}
	if l.w != 0 && !l.mapped && lineBytes(w.Size) < (l.bits*width+7)/8 {
		d.blame(mmio.EventBadValue, regBufSize, i)
	}
	for f := uint(0); f < 24 && i > 0; f += 6 {
		if !factor(w.BlendEq >> f & 0xf).valid() {
			d.blame(mmio.EventBadValue, regBlendEq, i-1)
			return
		}
	}
}
